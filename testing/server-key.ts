/** Signs with a server's own key, opened from its data folder: tokens that are wrong in everything but signature. */
import { importJWK, type JWTHeaderParameters, type JWTPayload, SignJWT } from "jose";
import { createKeyRing } from "../identity/src/keys/key-ring.ts";
import { readOrCreateSecrets } from "../identity/src/keys/secrets-file.ts";
import { loadSigningKeys } from "../identity/src/keys/signing-keys.ts";
import { openStore, type StoreOptions } from "../identity/src/storage/open-store.ts";

export type Sign = (header: Partial<JWTHeaderParameters>, claims: JWTPayload) => Promise<string>;

/** The returned function signs any header and claims with the newest key; `alg` and `kid` are the key's. */
export async function openServerKey(store: string | StoreOptions): Promise<Sign> {
  const options = typeof store === "string" ? { dataFolder: store } : store;
  const { dataFolder } = options;
  const db = await openStore(options);
  try {
    const ring = createKeyRing(readOrCreateSecrets(dataFolder), dataFolder);
    const { privateKeys } = await loadSigningKeys(db, ring, Date.now);
    const jwk = privateKeys[0];
    if (jwk === undefined) throw new Error("The server has no key.");
    const key = await importJWK({ ...jwk }, "ES256");
    return (header, claims) =>
      new SignJWT(claims).setProtectedHeader({ alg: "ES256", kid: jwk.kid, ...header }).sign(key);
  } finally {
    await db.destroy();
  }
}
