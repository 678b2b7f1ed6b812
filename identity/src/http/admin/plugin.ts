/**
 * `/admin/api`: roles, access, the audit log, over HTTP. Guarded by the API's own contract: who may do what here is decided
 * by the same roles as everything else.
 *
 * Threat: a page of another origin that acts with an administrator's cookie. What the contract lets other origins do is for
 * the API; here only pages of this server's own origin may write, and no other may read.
 */
import { administration, type Security } from "@bulwark/guard";
import type { FastifyInstance } from "fastify";
import { type AccessRoutesOptions, addAccessRoutes } from "./access-routes.ts";
import { type AuditRoutesOptions, addAuditRoutes } from "./audit-routes.ts";
import { addExplainRoutes, type ExplainRoutesOptions } from "./explain-routes.ts";
import { addRoleRoutes, type RoleRoutesOptions } from "./role-routes.ts";

export type AdministrationOptions = RoleRoutesOptions &
  AccessRoutesOptions &
  AuditRoutesOptions &
  ExplainRoutesOptions;

/** The contract of the API, as it guards this server's own origin. Tokens are those for the API. */
export function administrationContract(contract: Security, issuer: URL, own: Security): Security {
  const { dpop, limits } = contract;
  return Object.freeze({
    ...contract,
    audience: issuer.origin,
    cors: undefined,
    dpop: dpop && Object.freeze({ ...dpop, origin: issuer.origin, pathPrefix: "" }),
    limits: Object.freeze({ ...limits, address: limits.address ?? own.limits.address }),
  });
}

/** Serves what the contract lists of `administration`: what it does not list nobody could be allowed. */
export function addAdministration(scope: FastifyInstance, options: AdministrationOptions): void {
  const lists = ({ name }: { readonly name: string }) => options.contract.resources.has(name);
  if (lists(administration.role)) addRoleRoutes(scope, options);
  if (lists(administration.access)) {
    addAccessRoutes(scope, options);
    addExplainRoutes(scope, options);
  }
  if (lists(administration.audit)) addAuditRoutes(scope, options);
}
