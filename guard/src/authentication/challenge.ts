/**
 * Challenges: the `WWW-Authenticate` field of a 401 (RFC 9110 §11.6.1), made once per route.
 *
 * Without a credential it says what to bring (RFC 6750 §3); with a bad one, only that it is bad. Which check failed is
 * in the log.
 */
import type { Demand } from "../contract/assurance.ts";
import type { HeaderFields } from "../defence/cors.ts";
import { type CredentialSet, includesCredential } from "./credential.ts";
import type { DpopRules } from "./dpop/dpop-rules.ts";

export interface Challenges {
  readonly noCredential: HeaderFields;
  readonly invalid: HeaderFields;
  readonly ambiguous: HeaderFields;
  /** The proof beside a token is bad (RFC 9449 §7.1). */
  readonly invalidProof: HeaderFields;
  /** The proof needs a nonce, which the answer carries (RFC 9449 §9). */
  readonly nonceNeeded: HeaderFields;
}

export function createChallenges(accepts: CredentialSet, dpop: DpopRules | undefined): Challenges {
  const takesProofs = dpop !== undefined && includesCredential(accepts, "dpop");
  const algorithms = `algs="${(dpop?.algorithms ?? []).join(" ")}"`;
  const takesBearer = (["bearer", "mtls", "apiKey"] as const).some((kind) =>
    includesCredential(accepts, kind),
  );
  // A cookie has no registered scheme: the name only tells that one is meant.
  const schemes = [
    ...(takesBearer ? ["Bearer"] : []),
    ...(takesProofs ? ["DPoP"] : []),
    ...(!takesBearer && !takesProofs ? ["Session"] : []),
  ];
  const challenge = (parameters: string) =>
    field(
      schemes
        .map((scheme) => [
          scheme,
          [parameters, scheme === "DPoP" ? algorithms : ""].filter(Boolean).join(", "),
        ])
        .map((parts) => parts.filter(Boolean).join(" "))
        .join(", "),
    );
  return Object.freeze({
    noCredential: challenge(""),
    invalid: challenge('error="invalid_token", error_description="The credential is not valid."'),
    ambiguous: challenge('error="invalid_request", error_description="Send one credential."'),
    invalidProof: field(
      `DPoP error="invalid_dpop_proof", error_description="The proof is not valid.", ${algorithms}`,
    ),
    nonceNeeded: field(
      `DPoP error="use_dpop_nonce", error_description="Use the nonce of this answer.", ${algorithms}`,
    ),
  });
}

/** A stronger or fresher sign-in is needed (RFC 9470 §3). */
export function stepUpChallenge(scheme: "Bearer" | "DPoP", { challenge }: Demand): HeaderFields {
  const description = "A stronger or fresher sign-in is needed.";
  return field(
    `${scheme} error="insufficient_user_authentication", error_description="${description}", ${challenge}`,
  );
}

function field(value: string): HeaderFields {
  return Object.freeze({ "www-authenticate": value });
}
