/** Type tests: these declarations compile, and each marked line would not. */
import { test } from "node:test";
import Fastify from "fastify";
import { z } from "zod";
import { resource } from "../../contract/resource.ts";
import "./types.ts";

const order = resource("order", {
  actions: ["create", "read"],
  attributes: { id: "string", total: "number" },
});

test("a handler's request is typed from the route's declaration", () => {
  const declare = () => {
    const app = Fastify();
    app.get("/public", { security: "public" }, () => "ok");
    app.post(
      "/orders/:id",
      {
        security: {
          permission: "order:read",
          params: z.object({ id: z.string() }),
          query: z.object({ limit: z.coerce.number() }),
          body: z.object({ total: z.number() }),
          resource: (request) => ({ id: request.params.id, total: 1 }),
        },
      },
      (request) => {
        const id: string = request.params.id;
        const limit: number = request.query.limit;
        const total: number = request.body.total + request.resource.total;
        const caller: string = request.principal.id;
        // @ts-expect-error there is no such parameter
        request.params.missing;
        // @ts-expect-error the resource is what the loader returns
        request.resource.missing;
        return [id, limit, total, caller];
      },
    );
    app.get("/open", { security: { public: true } }, (request) => {
      // @ts-expect-error a public route has no principal
      return request.principal.id;
    });
    // @ts-expect-error there is no such attribute
    order.where.missing;
    // @ts-expect-error there is no such action
    order.allow("destroy");
    // @ts-expect-error a number is not compared with text
    order.where.total.eq("1");
    return app;
  };
  // Only the compiler runs this.
  void declare;
});
