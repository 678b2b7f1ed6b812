/**
 * Where a guard gets its issuer's keys, and for how long it trusts them.
 *
 * Known keys answer at once. An unknown `kid` may mean a rotation, so it asks the issuer again, but at most once
 * per cool-down: tokens with invented `kid`s must not turn the guard into a flood upon its issuer. When the
 * issuer does not answer, known keys serve until their age and a grace have passed; then nothing is accepted.
 */
import type { KeyObject } from "node:crypto";
import type { PublicJwkSet } from "../identity-source.ts";
import type { JwsAlgorithm } from "../jwt/algorithms.ts";
import { UnavailableError } from "../security-error.ts";
import type { FetchedKeys } from "./fetch-keys.ts";
import { createKeySet, type KeySet } from "./key-set.ts";

export interface KeySource {
  /**
   * The key for a `kid` and `alg`, `undefined` if the issuer has none. At once where the keys are known.
   * Rejects with `UnavailableError` when the issuer's keys are not known and cannot be had.
   */
  find(
    keyId: string | undefined,
    algorithm: JwsAlgorithm,
    nowMs: number,
  ): KeyObject | undefined | Promise<KeyObject | undefined>;
  /** The keys are known to have changed: they are asked for again at their next use. */
  expire(nowMs: number): void;
}

const defaultMaxAgeMs = 600_000;
const leastMaxAgeMs = 60_000;
const mostMaxAgeMs = 86_400_000;
/** The share of their age after which keys are asked for again, so that no request waits for it. */
const refreshShare = 0.8;
const graceMs = 3_600_000;
/** How long known keys serve once they are known to have changed, while the new ones cannot be had. */
const changedGraceMs = 30_000;
const coolDownMs = 30_000;
const retryAfterSeconds = 5;

/** Keys given once, in the contract. */
export function createFixedKeySource(set: PublicJwkSet): KeySource {
  const keys = createKeySet(set);
  return Object.freeze({
    find: (keyId: string | undefined, algorithm: JwsAlgorithm) => keys.find(keyId, algorithm),
    expire() {},
  });
}

/** Keys asked of the issuer: by HTTP, or by a function call in the same process. */
export function createKeySource(load: () => Promise<FetchedKeys>): KeySource {
  let keys: KeySet | undefined;
  let freshUntilMs = 0;
  /** From here on they are asked for again, while the known ones still serve. */
  let refreshAtMs = 0;
  let nextLoadMs = 0;
  let loading: Promise<void> | undefined;
  /** Rises when the keys are known to have changed: a load begun before may have read the old ones. */
  let generation = 0;
  /** Of which generation the known keys are. */
  let known = 0;

  /** One load at a time; whoever comes meanwhile waits for the same one. */
  const reload = (nowMs: number): Promise<void> => {
    const begun = generation;
    loading ??= load()
      .then(({ set, maxAgeSeconds }) => {
        if (begun !== generation) return;
        keys = createKeySet(set);
        known = begun;
        const ageMs = maxAgeSeconds === undefined ? defaultMaxAgeMs : maxAgeSeconds * 1000;
        const boundedMs = Math.min(Math.max(ageMs, leastMaxAgeMs), mostMaxAgeMs);
        freshUntilMs = nowMs + boundedMs;
        refreshAtMs = nowMs + boundedMs * refreshShare;
        nextLoadMs = nowMs + coolDownMs;
      })
      .catch((cause: unknown) => {
        nextLoadMs = nowMs + (keys === undefined ? 1_000 : coolDownMs);
        throw new UnavailableError("The issuer's key set", retryAfterSeconds, { cause });
      })
      .finally(() => {
        loading = undefined;
      });
    return loading;
  };

  const findAfterReload = async (keyId: string | undefined, algorithm: JwsAlgorithm, nowMs: number) => {
    const mayServe = () => keys !== undefined && nowMs < freshUntilMs + graceMs;
    if (loading !== undefined || nowMs >= nextLoadMs) {
      try {
        await reload(nowMs);
        // What was waited for may have begun before the keys changed: it does not count, and one more is begun.
        if (known !== generation) await reload(nowMs);
      } catch (error) {
        if (!mayServe()) throw error;
      }
    } else if (!mayServe()) {
      throw new UnavailableError("The issuer's key set", retryAfterSeconds);
    }
    return keys?.find(keyId, algorithm);
  };

  return Object.freeze({
    find(keyId: string | undefined, algorithm: JwsAlgorithm, nowMs: number) {
      const found = nowMs < freshUntilMs ? keys?.find(keyId, algorithm) : undefined;
      if (found === undefined) return findAfterReload(keyId, algorithm, nowMs);
      // A failure shows once the keys are out of date: until then the known ones are as good as before.
      if (nowMs >= refreshAtMs && nowMs >= nextLoadMs) reload(nowMs).catch(() => {});
      return found;
    },
    expire(nowMs: number) {
      generation += 1;
      // Without the grace of an outage: a key may have been withdrawn because it was stolen.
      freshUntilMs = Math.min(freshUntilMs, nowMs - graceMs + changedGraceMs);
      nextLoadMs = 0;
    },
  });
}
