/**
 * JSON whose numbers are what they say.
 *
 * Rego counts in decimals without bounds, JavaScript in doubles. A number that no double stands for would be read as a
 * neighbour, and a row be compared with another number than the policy's.
 */

/**
 * Parses JSON. A number that a double does not stand for exactly becomes NaN.
 *
 * @throws {Error} where it is no JSON; its message holds nothing of the text.
 */
export function parseExactly(text: string): unknown {
  try {
    return JSON.parse(text, exactly);
  } catch {
    throw new Error("the answer is not JSON");
  }
}

/** Longer than any double, written out. */
const longestNumber = 400;

/** @param context What was written there (ECMAScript 2026, `JSON.parse` with source text). */
function exactly(_key: string, value: unknown, context?: { readonly source?: string }): unknown {
  if (typeof value !== "number") return value;
  const { source = "" } = context ?? {};
  return source.length <= longestNumber && canonical(source) === canonical(String(value))
    ? value
    : Number.NaN;
}

/** One spelling for each number: its digits without zeros at either end, and the power of ten they are times. */
function canonical(text: string): string {
  const [, sign = "", whole = "", fraction = "", exponent = "0"] =
    /^(-?)(\d+)(?:\.(\d+))?(?:e([+-]?\d{1,6}))?$/i.exec(text) ?? [];
  const digits = `${whole}${fraction}`.replace(/^0+/, "");
  const significant = digits.replace(/0+$/, "");
  if (whole === "") return text;
  if (significant === "") return "0";
  return `${sign}${significant}e${Number(exponent) - fraction.length + digits.length - significant.length}`;
}
