/**
 * Validation of what a request brings: parameters, query, body.
 *
 * Unknown fields are refused, whatever the schema library does with them: most drop them silently, and a field
 * that is silently dropped today is the one that a handler reads tomorrow (mass assignment). A schema that
 * renames fields is refused the same way: rename in the handler.
 */
import type { SchemaIssue, StandardSchema } from "./standard-schema.ts";

/** One thing wrong with the input, as told to the caller. */
interface InputProblem {
  /** Where: `params`, `query` or `body`. */
  readonly in: string;
  /** Which field, as a JSON Pointer (RFC 6901). */
  readonly pointer: string;
  readonly message: string;
}

export type ValidationResult =
  | { readonly value: unknown; readonly problems?: undefined }
  | { readonly value?: undefined; readonly problems: readonly InputProblem[] };

export type Validator = (value: unknown) => ValidationResult | Promise<ValidationResult>;

/** A caller that sends a thousand errors is told of the first few. */
const maxProblems = 20;

/** What walks a value (schemas, and the search for unknown fields) goes as deep as the value does. */
const maxDepth = 64;

/** Creates the check of one part of a request. Without a schema, nothing may be sent in that part. */
export function createValidator(schema: StandardSchema | undefined, part: string): Validator {
  if (schema === undefined) {
    return (value) => (isEmpty(value) ? { value: undefined } : { problems: [unknownField(part, "")] });
  }
  const { validate } = schema["~standard"];
  const conclude = (input: unknown, result: Awaited<ReturnType<typeof validate>>): ValidationResult => {
    if (result.issues !== undefined) {
      return { problems: result.issues.slice(0, maxProblems).map((issue) => toProblem(issue, part)) };
    }
    const unknown = findUnknown(input, result.value);
    return unknown === undefined ? { value: result.value } : { problems: [unknownField(part, unknown)] };
  };
  return (value) => {
    if (isDeeperThan(maxDepth, value)) {
      return { problems: [{ in: part, pointer: "", message: `Nested deeper than ${maxDepth}.` }] };
    }
    const result = validate(value);
    return result instanceof Promise
      ? result.then((settled) => conclude(value, settled))
      : conclude(value, result);
  };
}

function isDeeperThan(depth: number, value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  if (depth === 0) return true;
  return Object.values(value).some((member) => isDeeperThan(depth - 1, member));
}

function isEmpty(value: unknown): boolean {
  if (value === undefined || value === null) return true;
  if (typeof value !== "object" || Array.isArray(value)) return false;
  for (const _ in value) return false;
  return true;
}

function unknownField(part: string, pointer: string): InputProblem {
  return { in: part, pointer, message: "Not expected here." };
}

function toProblem(issue: SchemaIssue, part: string): InputProblem {
  const keys = (issue.path ?? []).map((step) => (typeof step === "object" ? step.key : step));
  return { in: part, pointer: keys.map((key) => `/${escapePointer(key)}`).join(""), message: issue.message };
}

/** The pointer to the first field of the input that the schema's output does not have. Built on the way out. */
function findUnknown(input: unknown, output: unknown): string | undefined {
  if (typeof input !== "object" || typeof output !== "object" || input === null || output === null) {
    return undefined;
  }
  if (Array.isArray(input) !== Array.isArray(output)) return undefined;
  for (const key of Object.keys(input)) {
    if (!Object.hasOwn(output, key)) return `/${escapePointer(key)}`;
    const found = findUnknown((input as Fields)[key], (output as Fields)[key]);
    if (found !== undefined) return `/${escapePointer(key)}${found}`;
  }
  return undefined;
}

type Fields = Readonly<Record<string, unknown>>;

function escapePointer(key: PropertyKey): string {
  return String(key).replaceAll("~", "~0").replaceAll("/", "~1");
}
