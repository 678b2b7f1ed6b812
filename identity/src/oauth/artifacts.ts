/**
 * The storage adapter of `oidc-provider`: codes, grants, interactions, provider sessions, pushed requests.
 *
 * Threats: a copy of the database (ids are kept as digests, contents sealed, so no code or session in it can be
 * used); one code exchanged, or one DPoP proof used, twice at the same moment (consuming is one conditional statement,
 * whose row count decides; the provider looks before it consumes, so without this both could pass its look).
 */
import { type Adapter, type AdapterPayload, errors } from "oidc-provider";
import { digest } from "../keys/digest.ts";
import type { KeyRing } from "../keys/key-ring.ts";
import { open, seal } from "../keys/seal.ts";
import type { Database } from "../storage/schema.ts";
import type { Clients } from "./clients.ts";

export interface ArtifactsOptions {
  readonly db: Database;
  readonly ring: KeyRing;
  readonly clients: Clients;
  readonly now: () => number;
}

/** For the rare artefact without a lifetime of its own: nothing is kept for ever. */
const longestSeconds = 86_400;

/** The adapter's factory: one adapter for each of the provider's models. */
export function createArtifacts(options: ArtifactsOptions): (model: string) => Adapter {
  return (model) =>
    model === "Client" ? createClientAdapter(options.clients) : createAdapter(model, options);
}

function createAdapter(model: string, { db, ring, now }: ArtifactsOptions): Adapter {
  return { upsert, find, findByUid, findByUserCode, consume, destroy, revokeByGrantId };

  async function upsert(id: string, payload: AdapterPayload, expiresIn = longestSeconds): Promise<void> {
    const idHash = digest(id);
    const values = {
      sealed: seal(ring, { purpose: `oauth/${model}`, recordId: idHash }, JSON.stringify(payload)),
      grant_hash: digestOf(findGrantId(model, id, payload)),
      uid_hash: digestOf(payload.uid),
      user_code_hash: digestOf(payload.userCode),
      expires_at_ms: now() + expiresIn * 1000,
    };
    const insertion = db
      .insertInto("oauth_artifacts")
      .values({ model, id_hash: idHash, consumed_at_ms: null, ...values });
    if (model === "ReplayDetection") {
      const { numInsertedOrUpdatedRows: inserted } = await insertion
        .onConflict((conflict) => conflict.columns(["model", "id_hash"]).doNothing())
        .executeTakeFirst();
      if (inserted !== 1n) throw new errors.InvalidGrant("the proof was used already");
      return;
    }
    await insertion
      // `consumed_at_ms` stays as it is: saving a consumed artefact again does not make it fresh.
      .onConflict((conflict) => conflict.columns(["model", "id_hash"]).doUpdateSet(values))
      .execute();
  }

  function find(id: string) {
    return findWhere("id_hash", id);
  }

  function findByUid(uid: string) {
    return findWhere("uid_hash", uid);
  }

  function findByUserCode(userCode: string) {
    return findWhere("user_code_hash", userCode);
  }

  async function consume(id: string): Promise<void> {
    const at = now();
    const { numUpdatedRows } = await db
      .updateTable("oauth_artifacts")
      .set({ consumed_at_ms: at })
      .where("model", "=", model)
      .where("id_hash", "=", digest(id))
      .where("consumed_at_ms", "is", null)
      .where("expires_at_ms", ">", at)
      .executeTakeFirst();
    if (numUpdatedRows !== 1n) throw refuseConsumed(model);
  }

  async function destroy(id: string): Promise<void> {
    await db
      .deleteFrom("oauth_artifacts")
      .where("model", "=", model)
      .where("id_hash", "=", digest(id))
      .execute();
  }

  async function revokeByGrantId(grantId: string): Promise<void> {
    await db
      .deleteFrom("oauth_artifacts")
      .where("model", "=", model)
      .where("grant_hash", "=", digest(grantId))
      .execute();
  }

  async function findWhere(column: "id_hash" | "uid_hash" | "user_code_hash", value: string) {
    const row = await db
      .selectFrom("oauth_artifacts")
      .select(["id_hash", "sealed", "consumed_at_ms"])
      .where("model", "=", model)
      .where(column, "=", digest(value))
      .where("expires_at_ms", ">", now())
      .executeTakeFirst();
    if (row === undefined) return undefined;
    const text = open(ring, { purpose: `oauth/${model}`, recordId: row.id_hash }, row.sealed);
    const payload = JSON.parse(text) as AdapterPayload;
    // The provider revokes the whole grant when it meets a consumed code again (RFC 9700 §4.5).
    if (row.consumed_at_ms !== null) payload.consumed = Math.floor(row.consumed_at_ms / 1000);
    return payload;
  }
}

/**
 * The grant an artefact ends with. An interaction names one too, but is no part of it: signing in anew ends the
 * former session with its grants, and must not end the very flow that asked for it.
 */
function findGrantId(model: string, id: string, payload: AdapterPayload): string | undefined {
  if (model === "Grant") return id;
  return model === "Interaction" ? undefined : payload.grantId;
}

function digestOf(value: string | undefined): string | null {
  return value === undefined ? null : digest(value);
}

function refuseConsumed(model: string): Error {
  return model === "PushedAuthorizationRequest"
    ? new errors.InvalidRequestUri("request_uri is invalid, expired, or was already used")
    : new errors.InvalidGrant("already consumed");
}

/** Clients are registered through `clients`, never through the protocol: this adapter only reads. */
function createClientAdapter(clients: Clients): Adapter {
  const refuse = async () => {
    throw new errors.InvalidClientMetadata("clients are not registered here");
  };
  return {
    find: (id) => clients.findMetadata(id),
    findByUid: async () => undefined,
    findByUserCode: async () => undefined,
    upsert: refuse,
    consume: refuse,
    destroy: refuse,
    revokeByGrantId: refuse,
  };
}
