/** What the audit log tells of: one row for each kind of act, so that more can be added. */
export const auditActions = {
  role_created: "A custom role was created.",
  role_replaced: "A custom role was given other grants, or others to extend.",
  role_removed: "A custom role was removed.",
  roles_assigned: "An account or a client was given other roles.",
  grants_set: "An account or a client was given other direct grants.",
} as const;

export type AuditAction = keyof typeof auditActions;

/** `refused`: somebody tried, and it was more than they may. Nothing changed. */
export type AuditOutcome = "done" | "refused";

/** What was acted on. */
export interface AuditTarget {
  readonly kind: "role" | "account" | "client";
  /** A role's name, an account's or a client's id. */
  readonly id: string;
}
