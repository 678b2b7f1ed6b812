/**
 * Nonces that a proof must carry (RFC 9449 §9), so that proofs cannot be made in advance.
 *
 * Nothing is stored: a nonce is a time slot and its MAC. The current slot's and the one before it are good.
 */
import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import { ContractError } from "../../contract/refusal.ts";

export interface Nonces {
  /** The nonce to give out. */
  current(nowMs: number): string;
  isGood(nonce: unknown, nowMs: number): boolean;
}

const slotMs = 120_000;

/** @throws {ContractError} `option_invalid` */
export function createNonces(secret: (() => string) | undefined): Nonces {
  const key = secret === undefined ? randomBytes(32) : Buffer.from(secret(), "base64url");
  if (key.length < 32) {
    throw new ContractError("option_invalid", "security.dpop.nonceSecret", "It is shorter than 32 bytes.");
  }
  let slot = -1;
  let nonce = "";
  let before = "";
  const nonceOf = (number: number) =>
    createHmac("sha256", key).update(`dpop-nonce:${number}`).digest("base64url");
  const turn = (nowMs: number) => {
    const now = Math.floor(nowMs / slotMs);
    if (now === slot) return;
    slot = now;
    nonce = nonceOf(slot);
    before = nonceOf(slot - 1);
  };
  return Object.freeze({
    current(nowMs: number) {
      turn(nowMs);
      return nonce;
    },
    isGood(given: unknown, nowMs: number) {
      turn(nowMs);
      return typeof given === "string" && (isSame(given, nonce) || isSame(given, before));
    },
  });
}

function isSame(given: string, expected: string): boolean {
  const actual = Buffer.from(given);
  const wanted = Buffer.from(expected);
  return actual.length === wanted.length && timingSafeEqual(actual, wanted);
}
