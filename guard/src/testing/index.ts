/**
 * `@bulwark/guard/testing`: an issuer of your own for the tests of your API.
 *
 * @example
 * const issuer = createIssuer();
 * const security = defineSecurity({ ...issuer.contract, resources: [order], roles });
 * await app.register(bulwark, { security, now: issuer.clock.now });
 * const token = issuer.mint({ subject: "alice", roles: ["user"] });
 */
export { type ClientKey, createClientKey, type ProofOptions } from "./client-key.ts";
export { createClock, type TestClock } from "./clock.ts";
export {
  createIssuer,
  type IssuerOptions,
  type MintOptions,
  type Tampering,
  type TestIssuer,
} from "./issuer.ts";
