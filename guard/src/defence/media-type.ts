/** Is a body JSON, by its `Content-Type`? JSON has one encoding (RFC 8259 §8.1): another charset is another type. */
export function isJson(contentType: string | string[] | undefined): boolean {
  const [type = "", ...parameters] = String(contentType).toLowerCase().split(";");
  const charsets = parameters.map((parameter) => parameter.trim()).filter((one) => one.startsWith("charset"));
  return type.trim() === "application/json" && charsets.every((one) => /^charset="?utf-8"?$/.test(one));
}
