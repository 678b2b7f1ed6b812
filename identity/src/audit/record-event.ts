/**
 * Writing the audit log: in the transaction of the change itself, so that there is no change without its event.
 *
 * Sequences come from one row whose lock is held until the commit: they have no gaps, and a row that is missing shows.
 * It is locked after the roles and before the feed; in one order of locks there is no deadlock.
 */
import type { Transaction } from "kysely";
import type { Actor } from "../roles/actor.ts";
import type { Tables } from "../storage/schema.ts";
import type { AuditAction, AuditOutcome, AuditTarget } from "./actions.ts";

export interface NewAuditEvent {
  readonly actor: Actor;
  readonly action: AuditAction;
  readonly outcome: AuditOutcome;
  readonly target: AuditTarget;
  /** Plain JSON: what was before and what is after, or why not. Nothing secret. */
  readonly detail: Readonly<Record<string, unknown>>;
}

export async function recordEvent(
  transaction: Transaction<Tables>,
  { actor, action, outcome, target, detail }: NewAuditEvent,
  atMs: number,
): Promise<void> {
  const { sequence } = await transaction
    .updateTable("audit_cursor")
    .set((eb) => ({ sequence: eb("sequence", "+", 1) }))
    .returning("sequence")
    .executeTakeFirstOrThrow();
  await transaction
    .insertInto("audit_events")
    .values({
      sequence,
      at_ms: atMs,
      actor_kind: actor.kind,
      actor_id: actor.id,
      action,
      outcome,
      target_kind: target.kind,
      target_id: target.id,
      detail: JSON.stringify(detail),
      address: actor.address ?? null,
    })
    .execute();
}
