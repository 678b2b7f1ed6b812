/**
 * The provider inside Fastify: below `/oauth`, and at the two discovery addresses of the issuer.
 *
 * Threat: an answer that names another host (in metadata, in a redirect) because the request's `Host` or
 * `X-Forwarded-*` did. Scheme and host are set from the issuer before the provider sees a request.
 */
import type { IncomingMessage } from "node:http";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type Provider from "oidc-provider";
import { mountPath } from "./provider.ts";

/** OpenID Connect Discovery §4, RFC 8414 §3. */
const discoveryPaths = [
  "/.well-known/openid-configuration",
  "/.well-known/oauth-authorization-server",
] as const;

/**
 * For the provider's only page, the form that posts an answer to a client by itself (OAuth 2.0 Form Post Response
 * Mode §2). The provider adds its script's digest to `script-src`, which is empty for everything else. There is no
 * `form-action`: the form goes to the client's registered redirect URI.
 */
const pagePolicy = "default-src 'none'; script-src; frame-ancestors 'none'; base-uri 'none'";

export function mountProvider(scope: FastifyInstance, provider: Provider, issuer: URL): void {
  const answer = provider.callback();
  const handle = async (request: FastifyRequest, reply: FastifyReply) => {
    const url = request.raw.url ?? "/";
    const path = url.startsWith(`${mountPath}/`) ? url.slice(mountPath.length) : url;
    claimRequest(request.raw, issuer);
    // The provider finds its mount path as the difference of these two.
    Object.assign(request.raw, { url: path, originalUrl: `${mountPath}${path}` });
    reply.raw.setHeader("content-security-policy", pagePolicy);
    reply.raw.setHeader("referrer-policy", "no-referrer");
    reply.hijack();
    await answer(request.raw, reply.raw);
  };

  // The provider reads bodies itself: here they must arrive unread.
  scope.removeAllContentTypeParsers();
  scope.addContentTypeParser("*", (_request, _payload, done) => done(null));
  scope.all(`${mountPath}/*`, { security: "public" }, handle);
  for (const path of discoveryPaths) scope.get(path, { security: "public" }, handle);
}

/** Makes a request say what the issuer says of scheme and host. */
export function claimRequest({ headers }: IncomingMessage, issuer: URL): void {
  headers.host = issuer.host;
  headers["x-forwarded-proto"] = issuer.protocol.slice(0, -1);
  delete headers["x-forwarded-host"];
  delete headers["x-forwarded-for"];
}
