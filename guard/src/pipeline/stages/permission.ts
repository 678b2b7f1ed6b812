/** Stage 6: may the caller's roles do this at all? Decided before a body is read. */
import { hasPermission } from "../../authorization/authority.ts";
import type { DecidingCheck, DecidingContext } from "../stages.ts";
import { deny } from "../verdict.ts";

export function permissionStage({ route: { access } }: DecidingContext): DecidingCheck | undefined {
  if (typeof access === "string") return undefined;
  const { permission, index } = access;
  const denied = deny("permission", "permission_denied", `no role grants ${permission}`, {
    members: { permission },
  });
  return ({ caller }) =>
    caller !== undefined && hasPermission(caller.authority, index) ? undefined : denied;
}
