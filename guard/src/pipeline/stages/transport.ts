/** Stage 1: what can be refused by a request's first lines, before anything is spent on it. */
import { isJson } from "../../defence/media-type.ts";
import type { Check, StageContext } from "../stages.ts";
import { deny } from "../verdict.ts";

const maxUrlLength = 8_192;

const bodyNotExpected = deny("transport", "validation_failed", "a body", {
  members: { errors: [{ in: "body", pointer: "", message: "Not expected here." }] },
});

export function transportStage({ route }: StageContext): Check {
  const { maxBodyBytes } = route;
  const { schemas } = route;
  const acceptsBody = schemas?.body !== undefined;
  return ({ incoming: { method, url, headers } }) => {
    if (url.length > maxUrlLength) return deny("transport", "uri_too_long", `${url.length} characters`);
    const length = headers["content-length"];
    if (length !== undefined && Number(length) > maxBodyBytes) {
      return deny("transport", "body_too_large", `announced ${Number(length)} bytes`);
    }
    const hasBody = headers["transfer-encoding"] !== undefined || (length !== undefined && length !== "0");
    if (!hasBody) return undefined;
    if (acceptsBody && !isJson(headers["content-type"])) {
      return deny("transport", "media_type_unsupported", "not application/json");
    }
    const encoding = headers["content-encoding"];
    if (acceptsBody && encoding !== undefined && encoding !== "identity") {
      return deny("transport", "media_type_unsupported", "a content encoding");
    }
    // Nothing reads these bodies, so nothing would find out later that there is one.
    if (schemas !== undefined && (method === "GET" || method === "HEAD")) return bodyNotExpected;
    return undefined;
  };
}
