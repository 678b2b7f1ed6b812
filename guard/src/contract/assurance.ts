/**
 * Assurance: how strongly, and how recently, a person must have proved who they are (step-up, RFC 9470).
 *
 * A contract orders its levels from weak to strong; a stronger one satisfies a weaker demand. On the wire a level is an
 * authentication context class (`acr`): its own name, or one of the names other issuers have for it.
 */
import { checkText } from "./checks.ts";
import { parseDuration } from "./rate.ts";
import { ContractError } from "./refusal.ts";

/** Levels from weak to strong, each with further `acr` values that mean it. */
export type AssuranceOptions = Readonly<Record<string, readonly string[]>>;

export interface AssuranceLevels {
  /** As declared: the levels from weak to strong, each with its further `acr` values. */
  readonly declared: AssuranceOptions;
  /** The level an `acr` stands for, 0 the weakest; -1 where it stands for none. */
  levelOf(acr: string | undefined): number;
  /** What a route or a grant demands; `undefined` where it demands nothing. @throws {ContractError} */
  demand(options: DemandOptions, place: string): Demand | undefined;
}

interface DemandOptions {
  /** The least level: `"mfa"`. */
  readonly assurance?: string;
  /** The longest time since the person last proved it: `"15m"`. */
  readonly maxAge?: string;
}

/** How strong and how fresh a sign-in must be. */
export interface Demand {
  /** -1: any. */
  readonly level: number;
  /** `Infinity`: any. */
  readonly maxAgeMs: number;
  /** The challenge's parameters (RFC 9470 §3). */
  readonly challenge: string;
}

/** What is known of a caller's sign-in. */
export interface Assurance {
  readonly level: number;
  /** In milliseconds since the epoch; `-Infinity` where it is not known. */
  readonly authenticatedAtMs: number;
}

export const defaultAssurance: AssuranceOptions = Object.freeze({ password: [], mfa: [] });

/** @throws {ContractError} `option_invalid` */
export function compileAssurance(options: AssuranceOptions, place: string): AssuranceLevels {
  const names = Object.keys(options);
  const levels = new Map<string, number>();
  for (const [level, [name, aliases]] of Object.entries(options).entries()) {
    for (const acr of [name, ...aliases]) {
      // RFC 9470 §3 separates the values by spaces inside a quoted string.
      if (!/^[\x21\x23-\x5b\x5d-\x7e]+$/.test(checkText(acr, `${place}.${name}`)) || levels.has(acr)) {
        throw new ContractError("option_invalid", `${place}.${name}`, `\`${acr}\` cannot stand for it.`);
      }
      levels.set(acr, level);
    }
  }
  const levelOf = (acr: string | undefined) => (acr === undefined ? -1 : (levels.get(acr) ?? -1));
  const declared = Object.fromEntries(names.map((name) => [name, Object.freeze([...(options[name] ?? [])])]));
  return Object.freeze({
    declared: Object.freeze(declared),
    levelOf,
    demand({ assurance, maxAge }: DemandOptions, at: string): Demand | undefined {
      if (assurance === undefined && maxAge === undefined) return undefined;
      const level = assurance === undefined ? -1 : names.indexOf(assurance);
      if (assurance !== undefined && level < 0) {
        throw new ContractError("assurance_unknown", at, `There is no level \`${assurance}\`.`);
      }
      const maxAgeMs =
        maxAge === undefined ? Number.POSITIVE_INFINITY : parseDuration(maxAge, `${at} maxAge`);
      const accepted = [...levels].filter(([, one]) => one >= level).map(([acr]) => acr);
      const parameters = [
        ...(assurance === undefined ? [] : [`acr_values="${accepted.join(" ")}"`]),
        ...(maxAge === undefined ? [] : [`max_age="${maxAgeMs / 1000}"`]),
      ];
      return Object.freeze({ level, maxAgeMs, challenge: parameters.join(", ") });
    },
  });
}

/** Is the caller's sign-in strong and fresh enough? */
export function meets(assurance: Assurance, demand: Demand, nowMs: number): boolean {
  return assurance.level >= demand.level && nowMs - assurance.authenticatedAtMs <= demand.maxAgeMs;
}
