/** Type tests: these declarations compile, and each marked line would not. */
import { test } from "node:test";
import type { Context } from "hono";
import { z } from "zod";
import type { FetchGuard } from "../fetch/fetch-guard.ts";
import type { HonoApi } from "../hono/bulwark.ts";

const Id = z.object({ id: z.string() });

test("a Hono handler's call is typed from the route's declaration, its context from the app", () => {
  type Bindings = { readonly Bindings: { readonly database: string } };
  const declare = (api: HonoApi<Bindings>) => {
    api.get("/public", "public", (context: Context) => context.text("ok"));
    api.post(
      "/orders/:id",
      {
        permission: "order:read",
        params: Id,
        query: z.object({ limit: z.coerce.number() }),
        body: z.object({ total: z.number() }),
        resource: async ({ params }, context) => ({ id: params.id, total: 1, of: context.env.database }),
      },
      (context, { params, query, body, resource, values, principal }) => {
        const id: string = params.id;
        const total: number = query.limit + body.total + resource.total + values.total;
        const caller: string = principal.id + resource.of + context.env.database;
        // @ts-expect-error there is no such parameter
        params.missing;
        // @ts-expect-error the resource is what the loader returns
        resource.missing;
        // @ts-expect-error the app has no such binding
        context.env.missing;
        return context.json([id, total, caller]);
      },
    );
    api.get("/open", { public: true }, (context, { principal }) => {
      // @ts-expect-error a public route has no principal
      return context.text(principal.id);
    });
    // @ts-expect-error a handler answers
    api.get("/silent", { authenticated: true }, () => {});
    // @ts-expect-error a route declares its security
    api.get("/undeclared", (context: Context) => context.text("open"));
  };
  // Only the compiler runs this.
  void declare;
});

test("a Fetch handler's call is typed from the route's declaration, routed or protected", () => {
  const declare = (guard: FetchGuard) => {
    const body = z.object({ total: z.number() });
    const load = ({ params }: { readonly params: { readonly id: string } }) => ({ id: params.id, total: 1 });
    const declaration = { permission: "order:update", params: Id, body, resource: load } as const;
    guard.patch("/orders/:id", declaration, (request: Request, { params, body, resource }) => {
      // @ts-expect-error there is no such field
      body.missing;
      return Response.json([request.url, params.id, body.total + resource.total]);
    });
    guard.protect(
      { method: "PATCH", path: "/orders/:id" },
      declaration,
      (_request, { resource, principal }) => {
        // @ts-expect-error the resource is what the loader returns
        resource.missing;
        return Response.json([principal.id, resource.total]);
      },
    );
    // @ts-expect-error there is no such method
    guard.protect({ method: "TRACE", path: "/" }, "public", () => new Response(null));
  };
  // Only the compiler runs this.
  void declare;
});
