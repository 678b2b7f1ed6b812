/** The audit log, read: newest first, a page at a time. What is in it is never changed here. */

import { pageLimit } from "../storage/page.ts";
import type { Database } from "../storage/schema.ts";
import type { AuditAction, AuditOutcome, AuditTarget } from "./actions.ts";

export interface AuditEvent {
  /** 1, 2, 3, … without gaps. */
  readonly sequence: number;
  readonly atMs: number;
  readonly actor: { readonly kind: "program" | "account" | "client"; readonly id: string };
  readonly action: AuditAction;
  readonly outcome: AuditOutcome;
  readonly target: AuditTarget;
  readonly detail: Readonly<Record<string, unknown>>;
  /** Where the request came from, if it was one. */
  readonly address: string | undefined;
}

export interface AuditPage {
  /** Only events older than this sequence; default begin with the newest. */
  readonly before?: number | undefined;
  /** How many at most, 1 to 1,000; default 100. */
  readonly limit?: number | undefined;
  /** Only what was done to this. */
  readonly target?: { readonly kind: string; readonly id: string } | undefined;
  /** Only what this one did. */
  readonly actor?: { readonly kind: string; readonly id: string } | undefined;
}

export interface AuditLog {
  /** Newest first. @throws {IdentityError} `option_invalid` */
  list(page?: AuditPage): Promise<readonly AuditEvent[]>;
}

export function createAuditLog(db: Database): AuditLog {
  return {
    async list({ before, limit, target, actor } = {}) {
      const rows = await db
        .selectFrom("audit_events")
        .selectAll()
        .$if(before !== undefined, (query) => query.where("sequence", "<", before ?? 0))
        .$if(target !== undefined, (query) =>
          query.where("target_kind", "=", target?.kind ?? "").where("target_id", "=", target?.id ?? ""),
        )
        .$if(actor !== undefined, (query) =>
          query.where("actor_kind", "=", actor?.kind ?? "").where("actor_id", "=", actor?.id ?? ""),
        )
        .orderBy("sequence", "desc")
        .limit(pageLimit(limit))
        .execute();
      return rows.map((row) =>
        Object.freeze({
          sequence: row.sequence,
          atMs: row.at_ms,
          actor: { kind: row.actor_kind as AuditEvent["actor"]["kind"], id: row.actor_id },
          action: row.action as AuditAction,
          outcome: row.outcome as AuditOutcome,
          target: { kind: row.target_kind as AuditTarget["kind"], id: row.target_id },
          detail: JSON.parse(row.detail) as AuditEvent["detail"],
          address: row.address ?? undefined,
        }),
      );
    },
  };
}
