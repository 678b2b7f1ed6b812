/**
 * Standard Schema v1: the one interface that Zod, Valibot, ArkType and others share, so that the guard needs none
 * of them. Only what the guard reads of it.
 *
 * @see https://standardschema.dev
 */
export interface StandardSchema<Input = unknown, Output = Input> {
  readonly "~standard": {
    readonly version: 1;
    readonly vendor: string;
    readonly validate: (value: unknown) => SchemaResult<Output> | Promise<SchemaResult<Output>>;
    readonly types?: { readonly input: Input; readonly output: Output } | undefined;
  };
}

type SchemaResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly SchemaIssue[] };

export interface SchemaIssue {
  readonly message: string;
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

/** What a schema makes of valid input; `undefined` where no schema is declared. */
export type OutputOf<S> = S extends StandardSchema<infer _Input, infer Output> ? Output : undefined;

export function isStandardSchema(value: unknown): value is StandardSchema {
  // ArkType's schemas are functions.
  const standard =
    (typeof value === "object" || typeof value === "function") && value !== null
      ? (value as Partial<StandardSchema>)["~standard"]
      : undefined;
  return standard?.version === 1 && typeof standard.validate === "function";
}
