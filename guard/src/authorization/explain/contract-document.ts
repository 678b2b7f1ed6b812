/**
 * The contract as plain data: what `bulwark contract` prints, and what other programs read of it.
 *
 * Nothing secret is in it (a contract holds none: secrets come from functions, and those are left out), and the same
 * contract gives the same text, byte for byte, so that a change of the rules shows as a difference.
 */
import { credentialKinds, includesCredential } from "../../authentication/credential.ts";
import type { Security } from "../../contract/define-security.ts";
import type { TrustedIssuer } from "../../contract/issuer.ts";
import type { Rate } from "../../contract/rate.ts";
import type { Grant, Resource } from "../../contract/resource.ts";
import type { Condition } from "../conditions/condition.ts";
import { describeCondition, operandText } from "./condition-text.ts";

/** A value of JSON. */
export type Json =
  | null
  | boolean
  | number
  | string
  | readonly Json[]
  | { readonly [name: string]: Json | undefined };

/** The version of the document's shape. */
const documentVersion = 1;

/**
 * The contract as JSON. Conditions are their trees with a text beside; a number that JSON cannot write is text
 * (`"Infinity"`).
 *
 * @example
 * process.stdout.write(JSON.stringify(contractDocument(security), null, 2));
 */
export function contractDocument(security: Security): { readonly [name: string]: Json } {
  const { issuer, audience, issuers, resources, roles, conditions, scopes } = security;
  const { assurance, feed, cors, limits, dpop, introspection, credentials, database, policy } = security;
  const [own, ...further] = issuers;
  return plain({
    version: documentVersion,
    issuer,
    audience,
    own: issuerDocument(own),
    issuers: Object.fromEntries(
      further.map((one) => [one.subjectPrefix.slice(0, -1), { issuer: one.issuer, ...issuerDocument(one) }]),
    ),
    introspection: introspection && {
      // A query may carry a key.
      endpoint: introspection.endpoint.origin + introspection.endpoint.pathname,
      clientId: introspection.clientId,
      issuer: introspection.issuer.issuer,
      cacheSeconds: introspection.cacheSeconds,
    },
    credentials: credentials && credentialKinds.filter((kind) => includesCredential(credentials, kind)),
    dpop: dpop && {
      baseUrl: `${dpop.origin}${dpop.pathPrefix}`,
      algorithms: dpop.algorithms,
      maxAgeSeconds: dpop.maxAgeSeconds,
      nonces: dpop.nonces,
    },
    assurance: Object.entries(assurance.declared).map(([level, acr]) => ({ level, acr })),
    feed: { whenLost: feed.denyWhenLost ? "deny" : "continue", graceSeconds: feed.graceMs / 1_000 },
    clockToleranceSeconds: security.clockToleranceSeconds,
    database,
    policy: policy && {
      engine: policy.name,
      permissions: security.permissions.filter((permission) => policy.appliesTo(permission)),
      claims: policy.claims,
      filters: policy.canFilter,
    },
    cors: cors?.declared,
    limits: { address: rateDocument(limits.address), principal: rateDocument(limits.principal) },
    maxBodyBytes: security.maxBodyBytes,
    scopes: Object.fromEntries(scopes.names.map((name) => [name, scopes.permissionsOf(name)])),
    resources: Object.fromEntries([...resources].map(([name, one]) => [name, resourceDocument(one)])),
    conditions: Object.fromEntries([...conditions].map(([name, one]) => [name, conditionDocument(one)])),
    roles: Object.fromEntries(
      roles.names.map((role) => [
        role,
        {
          extends: roles.parentsOf(role),
          grants: roles
            .grantsOf(role)
            .filter((grant) => grant.role === role)
            .map((grant) => grantDocument(grant, resources)),
        },
      ]),
    ),
  });
}

function issuerDocument(issuer: TrustedIssuer) {
  const { audience, algorithms, keys, tokenTypes, rolesPath, requiredClaims } = issuer;
  return {
    audience,
    algorithms,
    keys: keys === undefined ? "discovered" : "given",
    tokenTypes,
    rolesClaim: rolesPath,
    requiredClaims,
  };
}

function resourceDocument({ actions, attributes, table, columns, relations }: Resource) {
  return {
    actions,
    attributes,
    table,
    columns,
    relations: Object.fromEntries(
      Object.values(relations).map(({ name, from, to, table: of }) => [
        name,
        { resource: to.resource, from: from.attribute, to: to.attribute, table: of },
      ]),
    ),
  };
}

function grantDocument(grant: Grant, resources: ReadonlyMap<string, Resource>) {
  const { effect, resource, action, where, fields, set, assurance, maxAge } = grant;
  const { attributes = {} } = resources.get(resource) ?? {};
  return {
    effect,
    permission: `${resource}:${action}`,
    where: where && conditionDocument(where),
    fields,
    set:
      Object.keys(set).length === 0
        ? undefined
        : Object.fromEntries(
            Object.entries(set).map(([attribute, operand]) => [
              attribute,
              { text: operandText(operand, attributes[attribute] ?? "string"), value: operand },
            ]),
          ),
    assurance,
    maxAge,
  };
}

function conditionDocument(condition: Condition) {
  return { text: describeCondition(condition), tree: condition };
}

function rateDocument(rate: Rate | undefined) {
  return rate && `${rate.quota}/${rate.windowMs / 1_000}s`;
}

/** As JSON keeps it: nothing that is not there, no functions, no numbers that JSON lacks. */
function plain(document: object): { readonly [name: string]: Json } {
  const text = JSON.stringify(document, (_name, value: unknown) =>
    typeof value === "number" && !Number.isFinite(value) ? String(value) : value,
  );
  return JSON.parse(text) as { readonly [name: string]: Json };
}
