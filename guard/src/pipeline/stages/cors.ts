/**
 * Stage 2: which fields let the asking page read the answer. Refuses nothing: the browser does.
 *
 * The route's fixed fields and those of each listed origin are merged at start, so that a request only picks a set.
 */
import type { Check, StageContext } from "../stages.ts";

export function corsStage({ security, fields }: StageContext): Check | undefined {
  const { cors } = security;
  if (cors === undefined) return undefined;
  const refused = Object.freeze({ ...fields, ...cors.refusedFields });
  const granted = new Map(
    [...cors.grantedFields].map(([origin, ofOrigin]) => [origin, Object.freeze({ ...fields, ...ofOrigin })]),
  );
  const ofAny = granted.get("*");
  return (exchange) => {
    const { origin } = exchange.incoming.headers;
    exchange.fields = typeof origin === "string" ? (ofAny ?? granted.get(origin) ?? refused) : refused;
    return undefined;
  };
}
