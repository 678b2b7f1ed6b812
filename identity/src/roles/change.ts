/**
 * Changing roles: one change at a time, decided under the lock on roles, made whole or not at all.
 *
 * Threat: whoever may manage roles makes themselves more than they are. What an administrator asks for is decided against
 * what they hold at that moment; what is refused leaves nothing but its event in the audit log. A change that the program
 * makes is not asked anything.
 */
import type { GrantedSubject, LiveRoles, Security } from "@bulwark/guard";
import { createLiveRoles } from "@bulwark/guard/roles";
import type { Transaction } from "kysely";
import type { AuditAction, AuditTarget } from "../audit/actions.ts";
import { recordEvent } from "../audit/record-event.ts";
import { IdentityError } from "../errors.ts";
import type { Feed, Publish } from "../feed/feed.ts";
import type { Tables } from "../storage/schema.ts";
import type { Actor } from "./actor.ts";
import { type Administrator, administratorNow } from "./administrator.ts";
import { lacking, type Needs } from "./needs.ts";
import { lockRoles, readChanges } from "./role-records.ts";

/** An administrator asked for more than they hold. */
export class AuthorityError extends IdentityError {
  /** The permissions of which something is lacking. */
  readonly permissions: readonly string[];

  constructor(code: "authority_exceeded" | "own_access", place: string, permissions: readonly string[]) {
    const problem =
      code === "own_access" ? "It is the access of who asks." : "It is more than who asks holds.";
    super(code, place, problem);
    this.permissions = permissions;
  }
}

/** What is being changed, and by whom. */
interface Request {
  readonly action: AuditAction;
  readonly target: AuditTarget;
  readonly by: Actor | Administrator;
}

/** What a change works with, under the lock on roles. */
export interface ChangeContext {
  readonly transaction: Transaction<Tables>;
  readonly publish: Publish;
  /** The custom roles of now. */
  readonly live: LiveRoles;
}

/** A change that is sound, and not yet made. */
export interface Plan<Result> {
  readonly needs: Needs;
  /** Whose access it changes: the subject itself, or who holds a role. */
  readonly changes: { readonly subject: GrantedSubject } | { readonly role: string };
  make(actor: Actor): Promise<void>;
  readonly result: Result;
}

/**
 * Decides and makes a change.
 *
 * @throws {AuthorityError} `authority_exceeded`, `own_access`; and what planning throws
 */
export type ChangeRoles = <Result>(
  request: Request,
  plan: (context: ChangeContext) => Promise<Plan<Result>>,
) => Promise<Result>;

export interface ChangeRolesOptions {
  readonly feed: Feed;
  readonly contract: Security;
  readonly now: () => number;
}

/** Permissions named in the event of a refused attempt. */
const mostNamed = 20;

export function createChangeRoles({ feed, contract, now }: ChangeRolesOptions): ChangeRoles {
  const { roles: table, resources, conditions } = contract;
  // Read under the lock only, and so never by two at a time.
  const live = createLiveRoles({ table, vocabulary: { resources, conditions } });

  return async ({ action, target, by }, plan) => {
    const { refusal, result } = await feed.transact(async (transaction, publish) => {
      await lockRoles(transaction);
      await catchUp(live, transaction);
      const planned = await plan({ transaction, publish, live });
      const refused = "permission" in by ? await refuse(planned, by, transaction, target) : undefined;
      const actor: Actor = { kind: by.kind, id: by.id, address: by.address };
      if (refused === undefined) {
        await planned.make(actor);
        return { refusal: undefined, result: planned.result };
      }
      const detail = { code: refused.code, permissions: refused.permissions.slice(0, mostNamed) };
      await recordEvent(transaction, { actor, action, outcome: "refused", target, detail }, now());
      return { refusal: refused, result: planned.result };
    });
    if (refusal !== undefined) throw refusal;
    return result;
  };

  async function refuse(
    { needs, changes }: Plan<unknown>,
    by: Administrator,
    transaction: Transaction<Tables>,
    target: AuditTarget,
  ): Promise<AuthorityError | undefined> {
    const place = `${target.kind} ${target.id}`;
    const holder = await administratorNow(by, { transaction, contract, live, now });
    if (holder === undefined) return new AuthorityError("authority_exceeded", place, [by.permission]);
    const isOwn =
      "role" in changes
        ? holder.within.has(changes.role)
        : changes.subject.kind === by.kind && changes.subject.id === by.id;
    if (isOwn) return new AuthorityError("own_access", place, []);
    const permissions = lacking(needs, holder);
    return permissions.length === 0
      ? undefined
      : new AuthorityError("authority_exceeded", place, permissions);
  }
}

/** Brings the custom roles to what they are under the lock. */
async function catchUp(live: LiveRoles, transaction: Transaction<Tables>): Promise<void> {
  for (let complete = false; !complete; ) {
    const changes = await readChanges(transaction, live.version, "role");
    if (changes.since === 0 || changes.version !== live.version) live.apply(changes);
    complete = changes.complete;
  }
}
