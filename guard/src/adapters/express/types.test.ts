/** Type tests: these declarations compile, and each marked line would not. */
import { test } from "node:test";
import type { Request } from "express";
import { z } from "zod";
import type { ExpressApi } from "./types.ts";

test("a handler's request is typed from the route's declaration", () => {
  const declare = (api: ExpressApi) => {
    api.get("/public", "public", (request: Request, response) => response.send(request.path));
    api.post(
      "/orders/:id",
      {
        permission: "order:read",
        params: z.object({ id: z.string() }),
        query: z.object({ limit: z.coerce.number() }),
        body: z.object({ total: z.number() }),
        resource: async ({ params, query, body }, request) => {
          const limit: number = query.limit + body.total;
          // @ts-expect-error there is no such parameter
          params.missing;
          return { id: params.id, total: limit, path: request.path };
        },
      },
      (request, response) => {
        const id: string = request.params.id;
        const limit: number = request.query.limit;
        const total: number = request.body.total + request.resource.total + request.values.total;
        const caller: string = request.principal.id;
        // @ts-expect-error there is no such parameter
        request.params.missing;
        // @ts-expect-error the resource is what the loader returns
        request.resource.missing;
        response.json([id, limit, total, caller, request.resource.path, request.get("accept")]);
      },
    );
    api.get("/open", { public: true }, (request, response) => {
      // @ts-expect-error a public route has no principal
      response.send(request.principal.id);
    });
    api.get("/bodiless", { authenticated: true }, (request, response) => {
      const body: undefined = request.body;
      response.json(body);
    });
    // @ts-expect-error there is no such option
    api.get("/misspelt", { authenticated: true, limit: {} }, () => {});
    // @ts-expect-error a route declares its security
    api.get("/undeclared", () => {});
  };
  // Only the compiler runs this.
  void declare;
});
