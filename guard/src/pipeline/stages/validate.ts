/** Stage 8: params, query and body are what the route declares, and nothing else. */
import { createValidator, type ValidationResult } from "../../defence/validation.ts";
import type { Check, Outcome, StageContext } from "../stages.ts";
import { deny } from "../verdict.ts";

export function validateStage({ route, services }: StageContext): Check | undefined {
  const { schemas } = route;
  if (schemas === undefined) return undefined;
  const { read, write } = services.framework;
  const validateParams = createValidator(schemas.params, "params");
  const validateQuery = createValidator(schemas.query, "query");
  const validateBody = createValidator(schemas.body, "body");

  const conclude = (
    request: unknown,
    params: ValidationResult,
    query: ValidationResult,
    body: ValidationResult,
  ): Outcome => {
    if (params.problems !== undefined || query.problems !== undefined || body.problems !== undefined) {
      return refuse([params, query, body]);
    }
    write(request, { params: params.value, query: query.value, body: body.value });
    return undefined;
  };

  return ({ request }) => {
    const input = read(request);
    const params = validateParams(input.params);
    const query = validateQuery(input.query);
    const body = validateBody(input.body);
    if (params instanceof Promise || query instanceof Promise || body instanceof Promise) {
      return Promise.all([params, query, body]).then((settled) => conclude(request, ...settled));
    }
    return conclude(request, params, query, body);
  };
}

function refuse(results: readonly ValidationResult[]): Outcome {
  const errors = results.flatMap(({ problems }) => problems ?? []);
  const reason = errors.map(({ in: part, pointer }) => `${part}${pointer}`).join(" ");
  return deny("validate", "validation_failed", reason, { members: { errors } });
}
