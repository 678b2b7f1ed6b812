/**
 * Refusals at start: a contract that is wrong never serves a request.
 *
 * Every refusal has a stable code, names the place in the declaration, and says how to mend it.
 */

/** Every way a contract can be refused, with the mend a reader needs most. */
export const refusals = {
  option_unknown: "Remove it, or correct its spelling.",
  option_invalid: "Give a value of the documented shape.",
  resource_duplicate: "Give each resource a name of its own.",
  resource_unknown: "List the resource in `resources`.",
  attribute_unknown: "Declare the attribute on the resource, or correct its spelling.",
  action_unknown: "Declare the action on the resource, or correct its spelling.",
  condition_foreign: "Build the condition from the resource the grant is for.",
  condition_invalid: "Compare an attribute with a value of its own type.",
  condition_unknown: "Name the condition in `conditions`, or correct its spelling.",
  database_undeclared: 'Declare `database`: "sqlite" or "postgresql".',
  row_level_security_unwritable: "Say the rule so that a policy can hold it: `docs/row-level-security.md`.",
  row_level_security_unbound: "Mend what is found: `docs/row-level-security.md`.",
  role_unknown: "Declare the role in `roles`, or correct its spelling.",
  role_cycle: "Let inheritance run one way.",
  permission_unknown: "Name a permission as `resource:action`, both declared in the contract.",
  route_undeclared: 'Give the route `security`: a permission, or "public" if anyone may call it.',
  route_before_guard: "Register the guard before any route, and await its registration.",
  route_rows_undeclared:
    "Load the row with `resource`, or declare `list: true` and apply `request.allowed(resource)`.",
  route_conflict: "Keep the one that the route means.",
  schema_unsupported: "Use a schema that implements Standard Schema v1 (Zod, Valibot, ArkType, …).",
  schema_missing: "Declare a schema, so that nothing unvalidated reaches the handler.",
  cors_wildcard_credentials: "List the exact origins that may read with credentials.",
  cors_origin_invalid: "Write an origin as a browser sends it: `https://shop.example`, no path, no slash.",
  rate_invalid: "Write a limit as `<requests>/<duration>`: `600/1m`, `10/1s`, `1000/1h`.",
  algorithm_none: 'Remove "none": an unsigned token proves nothing.',
  algorithm_mixed: "Remove the HMAC algorithms: with both kinds a public key could be used as a secret.",
  algorithm_unknown: "Use one of ES256, ES384, ES512, RS256, RS384, RS512, PS256, PS384, PS512, EdDSA.",
  duration_invalid: "Write a duration as a number and a unit, 1 second to 30 days: `30s`, `15m`, `12h`.",
  assurance_unknown: "Declare the level in `assurance`, or correct its spelling.",
  credential_unknown: "Use `bearer`, `dpop`, `mtls`, `session` or `apiKey`.",
  credential_unavailable: "Give the guard what the credential needs, or do not list it.",
  issuer_duplicate: "Declare each issuer once.",
  issuer_invalid: "Give the issuer's URL, https unless it is on loopback, without query or fragment.",
  policy_unfiltered:
    "Give the policy a rule that lists are filtered by, or name the `permissions` that it is asked about.",
  policy_untranslatable:
    "Say the rule so that a query can ask it, or name the `permissions` that the policy is asked about.",
  identity_mismatch: "Give the contract the issuer of the identity server it is registered with.",
} as const;

export type RefusalCode = keyof typeof refusals;

/** A contract refused at start. `message` names the code, the place and the mend. */
export class ContractError extends TypeError {
  override readonly name = "ContractError";
  readonly code: RefusalCode;
  /** Where in the declaration: `roles.manager.extends`, `GET /orders/:id`. */
  readonly place: string;

  constructor(code: RefusalCode, place: string, problem: string) {
    super(`${code} at ${place}: ${problem} ${refusals[code]}`);
    this.code = code;
    this.place = place;
  }
}

/** Refuses keys that the options object does not have: a misspelt option must not be an option left out. */
export function refuseUnknownKeys(options: object, known: readonly string[], place: string): void {
  for (const key of Object.keys(options)) {
    if (!known.includes(key)) {
      throw new ContractError("option_unknown", `${place}.${key}`, `There is no option \`${key}\`.`);
    }
  }
}
