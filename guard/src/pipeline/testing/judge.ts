/** Puts requests to a guard without a server: for what a table of hundreds of credentials shows. */
import type { IdentitySource } from "../../authentication/identity-source.ts";
import type { Security } from "../../contract/define-security.ts";
import type { RouteDeclaration } from "../../contract/route.ts";
import { answerFields } from "../answer.ts";
import { Exchange } from "../exchange.ts";
import { createGuard, type Guard } from "../guard.ts";
import { denials } from "../verdict.ts";

export interface JudgedRequest {
  readonly method?: string;
  readonly url?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly rawHeaders?: readonly string[];
  readonly certificate?: Uint8Array;
  readonly nowMs?: number;
}

interface Judgement {
  readonly status: number;
  /** `accepted`, or the denial's code. */
  readonly code: string;
  /** For the log. */
  readonly reason: string;
  readonly fields: Readonly<Record<string, string>>;
  readonly exchange: Exchange;
}

export interface Judge {
  readonly guard: Guard;
  /** Runs the checks before the body. */
  judge(request: JudgedRequest, declaration?: RouteDeclaration): Promise<Judgement>;
}

export interface JudgeOptions {
  readonly security: Security;
  readonly identity?: IdentitySource;
  readonly now?: () => number;
}

export function createJudge({ security, identity, now = Date.now }: JudgeOptions): Judge {
  const framework = { read: () => ({ params: {}, query: {}, body: {} }), write() {} };
  const guard = createGuard({ security, identity, framework, now });
  const routes = new Map<unknown, ReturnType<Guard["compile"]>>();
  const routeOf = (declaration: RouteDeclaration) => {
    const known = routes.get(declaration);
    if (known !== undefined) return known;
    const compiled = guard.compile({ method: "GET", url: "/thing" }, declaration);
    routes.set(declaration, compiled);
    return compiled;
  };
  return {
    guard,
    async judge({ method = "GET", url = "/thing", ...request }, declaration = authenticated) {
      const { headers = {}, rawHeaders, certificate, nowMs = now() } = request;
      const incoming = {
        method,
        url,
        headers,
        rawHeaders,
        address: "127.0.0.1",
        clientCertificate: () => certificate,
      };
      const route = routeOf(declaration);
      const exchange = new Exchange(route, incoming, {}, nowMs);
      const denial = await route.head(exchange);
      const fields = { ...answerFields(exchange), ...denial?.fields };
      return denial === undefined
        ? { status: 200, code: "accepted", reason: "", fields, exchange }
        : { status: denials[denial.code].status, code: denial.code, reason: denial.reason, fields, exchange };
    },
  };
}

const authenticated: RouteDeclaration = Object.freeze({ authenticated: true });
