/**
 * Asks the identity server about a credential that says nothing itself: a session's cookie, an API key.
 *
 * Many requests with one credential share one question; only so many questions are open at once; and an answer that a
 * revocation has overtaken on its way is not believed, but asked for again.
 */
import type { Revocable, Revocations } from "./feed/revocations.ts";
import { UnavailableError } from "./security-error.ts";

/** What was found, and the revocation epoch it holds for. */
interface Found<Answer> {
  readonly answer: Answer;
  readonly epoch: number;
}

/** `undefined` where there is nothing live. Rejects with `UnavailableError`. */
export type Lookup<Answer> = (credential: string) => Promise<Found<Answer> | undefined>;

export interface LookupOptions<Answer> {
  readonly ask: (credential: string) => Promise<Answer | undefined>;
  /** What of an answer can be revoked. */
  readonly revocable: (answer: Answer) => Revocable;
  readonly revocations: Revocations;
  /** What is asked, for the refusal: "The session store". */
  readonly what: string;
}

interface Question<Answer> {
  readonly epoch: number;
  readonly answer: Promise<Answer | undefined>;
}

const mostOpen = 256;
/** Something revoked about it again and again while it is asked about is not waited out. */
const mostAttempts = 3;
const retryAfterSeconds = 2;

export function createLookup<Answer>(options: LookupOptions<Answer>): Lookup<Answer> {
  const { ask, revocable, revocations, what } = options;
  const open = new Map<string, Question<Answer>>();
  const unavailable = (cause?: unknown) => new UnavailableError(what, retryAfterSeconds, { cause });

  const question = (credential: string): Question<Answer> => {
    const { epoch } = revocations;
    const asked = open.get(credential);
    if (asked?.epoch === epoch) return asked;
    if (open.size >= mostOpen) throw unavailable();
    const answer = ask(credential)
      .catch((cause: unknown) => {
        throw unavailable(cause);
      })
      .finally(() => {
        if (open.get(credential) === put) open.delete(credential);
      });
    const put = { epoch, answer };
    open.set(credential, put);
    return put;
  };

  return async (credential) => {
    for (let attempt = 0; attempt < mostAttempts; attempt += 1) {
      const { epoch, answer: asked } = question(credential);
      const answer = await asked;
      if (answer === undefined) return undefined;
      if (!revocations.isStale(revocable(answer), epoch)) return { answer, epoch };
    }
    throw unavailable();
  };
}
