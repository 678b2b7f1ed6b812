/** Stage 1: what can be refused by a request's first lines, before anything is spent on it. */
import type { Check, StageContext } from "../stages.ts";
import { deny } from "../verdict.ts";

const maxUrlLength = 8_192;

export function transportStage({ route }: StageContext): Check {
  const { maxBodyBytes } = route;
  const acceptsBody = route.schemas?.body !== undefined;
  return ({ incoming: { url, headers } }) => {
    if (url.length > maxUrlLength) return deny("transport", "uri_too_long", `${url.length} characters`);
    const length = headers["content-length"];
    if (length !== undefined && Number(length) > maxBodyBytes) {
      return deny("transport", "body_too_large", `announced ${Number(length)} bytes`);
    }
    const hasBody = headers["transfer-encoding"] !== undefined || (length !== undefined && length !== "0");
    if (acceptsBody && hasBody && !isJson(headers["content-type"])) {
      return deny("transport", "media_type_unsupported", "not application/json");
    }
    return undefined;
  };
}

/** `application/json`, with parameters or without (RFC 8259 §11). */
function isJson(contentType: string | string[] | undefined): boolean {
  return typeof contentType === "string" && /^application\/json\s*(;|$)/i.test(contentType.trim());
}
