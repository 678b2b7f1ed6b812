/** The audit log, newest first. */
import type { FastifyInstance } from "fastify";
import type { AuditEvent, AuditLog } from "../../audit/audit-log.ts";
import { answer, permission } from "./answer.ts";
import { AuditQuery } from "./input.ts";
import { adminPrefix } from "./prefix.ts";

export interface AuditRoutesOptions {
  readonly audit: AuditLog;
}

export function addAuditRoutes(scope: FastifyInstance, { audit }: AuditRoutesOptions): void {
  scope.get(
    `${adminPrefix}/audit`,
    { security: { permission: permission("bulwark_audit:read"), query: AuditQuery } },
    async ({ query }, reply) =>
      answer(reply, async () => {
        const items = await audit.list(query);
        const next = items.length === query.limit ? items.at(-1)?.sequence : null;
        return reply.send({ items: items.map(show), next });
      }),
  );
}

function show({ atMs, address, ...event }: AuditEvent) {
  return { ...event, at: new Date(atMs).toISOString(), address: address ?? null };
}
