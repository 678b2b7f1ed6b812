/** The authenticated actor behind a request. */
import type { CredentialKind } from "./credential.ts";

/** Who is calling, once a credential has proved it. */
export interface Principal {
  /** The account's id, or the client's id for a machine; `name:sub` where a further issuer vouches for it. */
  readonly id: string;
  readonly kind: "account" | "client";
  readonly roles: readonly string[];
  /** The token's claims, or the account's for a session or an API key. Only what a verified credential carried. */
  readonly claims: Readonly<Record<string, unknown>>;
  /** What proved it. */
  readonly credential: CredentialKind;
  /** The session behind it, if there is one. */
  readonly sessionId: string | undefined;
}
