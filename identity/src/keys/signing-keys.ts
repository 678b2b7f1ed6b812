/**
 * The keys that sign tokens: ES256 (RFC 7518 §3.4), generated at first start, stored sealed.
 *
 * A key's id is its RFC 7638 thumbprint, so it names the key and nothing else.
 */
import { generateKeyPair } from "node:crypto";
import { promisify } from "node:util";
import type { PublicJwk, PublicJwkSet } from "@bulwark/guard";
import { calculateJwkThumbprint } from "jose";
import { createFeed } from "../feed/feed.ts";
import type { Database } from "../storage/schema.ts";
import type { KeyRing } from "./key-ring.ts";
import { open, seal } from "./seal.ts";

/** A private signing key as a JWK (RFC 7517, RFC 7518 §6.2.2). */
interface PrivateJwk {
  readonly kty: "EC";
  readonly crv: "P-256";
  readonly x: string;
  readonly y: string;
  readonly d: string;
  readonly kid: string;
  readonly alg: "ES256";
  readonly use: "sig";
}

export interface SigningKeys {
  /** Newest first. */
  readonly privateKeys: readonly PrivateJwk[];
  readonly publicKeys: PublicJwkSet;
}

/**
 * Loads the signing keys, making the first where there is none. Of several processes that do so at once on
 * one database, one key wins, and all end with it.
 *
 * @throws {IdentityError} `secret_missing`, `sealed_damaged`
 */
export async function loadSigningKeys(db: Database, ring: KeyRing, now: () => number): Promise<SigningKeys> {
  let rows = await readKeys(db);
  if (rows.length === 0) {
    await insertFirstKey(db, ring, now);
    rows = await readKeys(db);
  }
  const privateKeys = rows.map(
    (row) => JSON.parse(open(ring, { purpose: "signing-key", recordId: row.kid }, row.sealed)) as PrivateJwk,
  );
  return Object.freeze({
    privateKeys: Object.freeze(privateKeys),
    publicKeys: Object.freeze({ keys: Object.freeze(privateKeys.map(toPublicJwk)) }),
  });
}

function readKeys(db: Database) {
  return db.selectFrom("signing_keys").select(["kid", "sealed"]).orderBy("generation", "desc").execute();
}

async function insertFirstKey(db: Database, ring: KeyRing, now: () => number): Promise<void> {
  const key = await createKey();
  // This process has no subscribers before it has keys: another's hear of it from the table.
  await createFeed({ db, now }).transact(async (transaction, publish) => {
    const { numInsertedOrUpdatedRows: inserted } = await transaction
      .insertInto("signing_keys")
      .values({
        kid: key.kid,
        generation: 1,
        algorithm: key.alg,
        sealed: seal(ring, { purpose: "signing-key", recordId: key.kid }, JSON.stringify(key)),
        created_at_ms: now(),
      })
      // The generation is unique: the loser's key is dropped here and the winner's read back.
      .onConflict((conflict) => conflict.column("generation").doNothing())
      .executeTakeFirst();
    if (inserted === 1n) publish({ kind: "keys" });
  });
}

async function createKey(): Promise<PrivateJwk> {
  const pair = await promisify(generateKeyPair)("ec", { namedCurve: "P-256" });
  const { x, y, d } = pair.privateKey.export({ format: "jwk" });
  if (x === undefined || y === undefined || d === undefined)
    throw new TypeError("The key has no coordinates.");
  const kid = await calculateJwkThumbprint({ kty: "EC", crv: "P-256", x, y });
  return { kty: "EC", crv: "P-256", x, y, d, kid, alg: "ES256", use: "sig" };
}

/** Names what is public rather than removing what is not: a new private member cannot slip through. */
function toPublicJwk({ kty, crv, x, y, kid, alg, use }: PrivateJwk): PublicJwk {
  return Object.freeze({ kty, crv, x, y, kid, alg, use });
}
