/**
 * What a failure of ours looks like to a client: 503 with a time to wait where the store does not answer, 500
 * otherwise, and nothing of the cause. The cause goes to the log.
 */
import type Provider from "oidc-provider";
import { isTemporary, retryAfterSeconds } from "../http/problem.ts";

/** Where causes are written. */
export type FailureLog = (error: unknown) => void;

interface Answer {
  status: number;
  set(name: string, value: string): void;
}

/** Must come before any other `provider.use`, to stand around them all. */
export function answerFailures(provider: Provider, log: FailureLog): void {
  // Inside its endpoints the provider catches; it has written its answer when it tells of the failure.
  provider.on("server_error", (ctx, error) => {
    log(error);
    if (isTemporary(error)) markTemporary(ctx);
  });
  provider.use(async (ctx, next) => {
    try {
      await next();
    } catch (error) {
      log(error);
      ctx.status = 500;
      if (isTemporary(error)) markTemporary(ctx);
      ctx.body = { error: "server_error" };
    }
  });
}

function markTemporary(answer: Answer): void {
  answer.status = 503;
  answer.set("retry-after", String(retryAfterSeconds));
}
