/**
 * A token's cost in the guard itself, without a server: the first sight of it, and its place in memory.
 *
 * The guard's inner parts are called, because through a server the network would be most of what is measured. Rounds
 * alternate, so that what slows the machine slows both alike.
 */
import { createPublicKey, verify } from "node:crypto";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { defineSecurity } from "@bulwark/guard";
import { createIssuer, type TestIssuer } from "@bulwark/guard/testing";
import { credentialKinds, toCredentialSet } from "../../../guard/src/authentication/credential.ts";
import { toDer } from "../../../guard/src/authentication/jwt/ecdsa-signature.ts";
import { createServices } from "../../../guard/src/pipeline/services.ts";
import { median } from "../harness/statistics.ts";

interface Amounts {
  readonly rounds: number;
  readonly tokensPerRound: number;
  /** Tokens to be remembered. */
  readonly tokens: number;
}

const usual: Amounts = { rounds: 31, tokensPerRound: 500, tokens: 10_000 };

export interface FirstSight {
  readonly guardUs: number;
  readonly verifyUs: number;
  /** The same check of a signature that is in DER already, by a bare key: the fastest that `node:crypto` has. */
  readonly verifyDerUs: number;
  /** Time of the signature check alone / time of first sight; the median of the rounds'. */
  readonly ratio: number;
}

/** The time from an `Authorization` field never seen before to its caller, against the check of its signature alone. */
export function measureFirstSight({ rounds, tokensPerRound }: Amounts = usual): FirstSight {
  const issuer = createIssuer();
  const authenticate = createAuthentication(issuer);
  const key = createPublicKey({ key: issuer.keys.keys[0] ?? {}, format: "jwk" });
  const results = Array.from({ length: rounds }, () => {
    const fields = mintFields(issuer, tokensPerRound);
    const signatures = mintFields(issuer, tokensPerRound).map(readSignature);
    const verifyUs = timeEach(signatures, ({ input, signature }) => {
      if (!verify("sha256", input, { key, dsaEncoding: "ieee-p1363" }, signature))
        throw new Error("A bad signature.");
    });
    const ders = signatures.map(({ input, signature }) => ({
      input,
      der: toDer(signature, 32) ?? signature,
    }));
    const verifyDerUs = timeEach(ders, ({ input, der }) => {
      if (!verify("sha256", input, key, der)) throw new Error("A bad signature.");
    });
    return { verifyUs, verifyDerUs, guardUs: timeEach(fields, authenticate) };
  });
  return {
    guardUs: median(results.map(({ guardUs }) => guardUs)),
    verifyUs: median(results.map(({ verifyUs }) => verifyUs)),
    verifyDerUs: median(results.map(({ verifyDerUs }) => verifyDerUs)),
    ratio: median(results.map(({ verifyUs, guardUs }) => verifyUs / guardUs)),
  };
}

export interface TokenMemory {
  /** What the heap grew by per remembered token, less the token's own text. */
  readonly bytesPerToken: number;
  readonly tokenBytes: number;
}

/** How much the heap holds for each token that the guard remembers. */
export function measureMemory({ tokens }: Amounts = usual): TokenMemory {
  const issuer = createIssuer({ claims: { team: "north", sid: "3f0c1c9e-5c0f-4a55-9f9b-0d3f7f8f2c11" } });
  const authenticate = createAuthentication(issuer);
  const collect = exposeCollector();
  // As a server has them: each field's text is its own, and nobody but the guard keeps it.
  authenticate(mintFields(issuer, 1)[0] ?? "");
  let fields: string[] | undefined = mintFields(issuer, tokens);
  const tokenBytes = fields.reduce((sum, { length }) => sum + length, 0) / fields.length;
  collect();
  const before = process.memoryUsage().heapUsed;
  for (const field of fields) authenticate(field);
  // The texts were counted before, and are kept by the guard from here on.
  fields = undefined;
  collect();
  const grown = process.memoryUsage().heapUsed - before;
  // The guard is used once more: until here it and what it remembers must live.
  authenticate(mintFields(issuer, 1)[0] ?? "");
  return { bytesPerToken: grown / tokens, tokenBytes };
}

function createAuthentication(issuer: TestIssuer): (field: string) => void {
  const security = defineSecurity({ ...issuer.contract, resources: [], roles: { user: { grants: [] } } });
  const framework = { read: () => ({ params: {}, query: {}, body: {} }), write() {} };
  const { tokens } = createServices({ security, identity: undefined, framework, now: Date.now });
  const kinds = toCredentialSet(credentialKinds, "bench");
  const incoming = { method: "GET", url: "/", headers: {} };
  return (field) => {
    tokens(field, { incoming, nowMs: issuer.clock.now(), proofNonce: "" }, kinds);
  };
}

function mintFields(issuer: TestIssuer, count: number): string[] {
  const mint = (index: number) => {
    const token = issuer.mint({ subject: `account-${index % 1_000}`, roles: ["user"] });
    // Flat, as a parser hands it over, and not the tree of its pieces.
    return Buffer.from(`Bearer ${token}`, "latin1").toString("latin1");
  };
  return Array.from({ length: count }, (_, index) => mint(index));
}

function readSignature(field: string): { readonly input: Buffer; readonly signature: Buffer } {
  const token = field.slice("Bearer ".length);
  const end = token.lastIndexOf(".");
  return {
    input: Buffer.from(token.slice(0, end)),
    signature: Buffer.from(token.slice(end + 1), "base64url"),
  };
}

function timeEach<Item>(items: readonly Item[], work: (item: Item) => void): number {
  const started = performance.now();
  for (const item of items) work(item);
  return ((performance.now() - started) * 1_000) / items.length;
}

function exposeCollector(): () => void {
  setFlagsFromString("--expose-gc");
  return runInNewContext("gc");
}
