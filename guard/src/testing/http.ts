/** Real requests to a real server, for tests. */
import type { FastifyInstance } from "fastify";

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** The body as JSON. */
  json(): Record<string, unknown>;
}

/** Starts the app on a free loopback port. */
export async function serve(
  app: FastifyInstance,
): Promise<(path: string, init?: RequestInit) => Promise<Answer>> {
  const origin = await app.listen({ host: "127.0.0.1", port: 0 });
  return async (path, init) => {
    const response = await fetch(`${origin}${path}`, {
      redirect: "manual",
      signal: AbortSignal.timeout(10_000),
      ...init,
    });
    const text = await response.text();
    return { status: response.status, headers: response.headers, text, json: () => JSON.parse(text) };
  };
}

/** A JSON request with a bearer token. */
export function withToken(token: string, method = "GET", body?: unknown): RequestInit {
  return {
    method,
    headers: {
      authorization: `Bearer ${token}`,
      ...(body === undefined ? {} : { "content-type": "application/json" }),
    },
    ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
  };
}
