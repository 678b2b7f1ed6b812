/**
 * Compares two contracts over questions: who gains, who loses, and what else becomes different.
 *
 * Both contracts answer every question themselves, so that what was different already when a decision was recorded (roles
 * that were kept elsewhere then, another contract) is told apart from what the candidate changes.
 */
import { isDeepStrictEqual } from "node:util";
import { ContractError, type LiveRoles, type Security } from "@bulwark/guard";
import {
  createDecider,
  createExplain,
  type DeciderOptions,
  type Question,
  type Verdict,
} from "@bulwark/guard/explain";

/** What a contract answers; a permission that it does not have is denied. */
export interface Side {
  readonly security: Security;
  readonly roles: LiveRoles;
}

/** A question as each contract reads it: attributes may have changed their types. */
export interface AskedOfBoth {
  readonly before: Question;
  readonly after: Question;
}

export type ShortVerdict = Pick<Verdict, "effect"> & { readonly code: string };

/** `changed`: denied for another reason, or allowed to write other values. */
type ChangeKind = "gains" | "loses" | "changed";

/** All questions of one principal and one permission that became different in the same way. */
export interface Difference {
  readonly kind: ChangeKind;
  readonly principal: { readonly id: string; readonly kind: string; readonly roles: readonly string[] };
  readonly permission: string;
  readonly before: ShortVerdict;
  readonly after: ShortVerdict;
  readonly count: number;
  /** The first of them. */
  readonly example: Pick<Question, "row" | "changes">;
  /** Why the candidate answers so, of the example. */
  readonly why: string;
  readonly because: readonly string[];
}

export interface Comparison {
  /** @returns what the contract in force answers. */
  add(asked: AskedOfBoth): Promise<ShortVerdict>;
  differences(): Promise<readonly Difference[]>;
}

interface Group {
  readonly kind: ChangeKind;
  readonly first: AskedOfBoth;
  readonly before: ShortVerdict;
  readonly after: ShortVerdict;
  count: number;
}

export function createComparison(current: Side, candidate: Side, options: DeciderOptions = {}): Comparison {
  const decideBefore = decideWith(current, options);
  const decideAfter = decideWith(candidate, options);
  const groups = new Map<string, Group>();
  return {
    async add(asked) {
      const before = await decideBefore(asked.before);
      const after = await decideAfter(asked.after);
      const kind = changeOf(before, after);
      if (kind !== undefined) {
        const { kind: of, id } = asked.before.principal;
        const key = JSON.stringify([kind, of, id, asked.before.permission, before.code, after.code]);
        const group = groups.get(key);
        if (group === undefined) {
          groups.set(key, { kind, first: asked, before: shorten(before), after: shorten(after), count: 1 });
        } else group.count += 1;
      }
      return shorten(before);
    },
    async differences() {
      const found = await Promise.all(
        [...groups.values()].map((group) => describe(group, candidate, options)),
      );
      const order: readonly ChangeKind[] = ["gains", "loses", "changed"];
      return found.sort((one, other) => order.indexOf(one.kind) - order.indexOf(other.kind));
    },
  };
}

/** What a verdict is here, where a contract may lack the permission. */
type Answer = Pick<Verdict, "effect" | "values"> & { readonly code: string };

function decideWith(
  { security, roles }: Side,
  options: DeciderOptions,
): (question: Question) => Promise<Answer> {
  const decider = createDecider(security, roles, options);
  return async (question) => {
    if (!isDeclared(security, question))
      return { effect: "deny", code: "permission_denied", values: undefined };
    return (await decider.decide(question)).verdict;
  };
}

function isDeclared({ roles }: Security, { permission }: Question): boolean {
  return roles.permissionIndex(permission) !== undefined;
}

function changeOf(before: Answer, after: Answer): ChangeKind | undefined {
  if (before.effect !== after.effect) return after.effect === "allow" ? "gains" : "loses";
  if (before.code !== after.code) return "changed";
  return isDeepStrictEqual(before.values, after.values) ? undefined : "changed";
}

function shorten({ effect, code }: Answer): ShortVerdict {
  return { effect, code };
}

async function describe(
  { kind, first, before, after, count }: Group,
  candidate: Side,
  options: DeciderOptions,
): Promise<Difference> {
  const { principal, permission, row, changes } = first.before;
  const { reason, because } = isDeclared(candidate.security, first.after)
    ? await createExplain(candidate.security, { roles: candidate.roles, ...options })(first.after)
    : { reason: "The candidate has no such permission.", because: [] };
  return {
    kind,
    principal: { id: principal.id, kind: principal.kind, roles: principal.roles },
    permission,
    before,
    after,
    count,
    example: { row, changes },
    why: reason,
    because,
  };
}

/** Of a question that only one of the contracts can be asked, the other is asked as it stands. */
export function readForBoth(
  read: (security: Security) => Question | undefined,
  current: Side,
  candidate: Side,
): AskedOfBoth | undefined {
  const readFor = ({ security }: Side) => {
    try {
      return read(security);
    } catch (error) {
      // The resource is gone there, or was not there yet.
      if (error instanceof ContractError && error.code === "resource_unknown") return undefined;
      throw error;
    }
  };
  const before = readFor(current);
  const after = readFor(candidate);
  const either = before ?? after;
  return either && { before: before ?? either, after: after ?? either };
}
