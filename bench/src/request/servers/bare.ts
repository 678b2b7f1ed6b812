/** The floor: a Fastify route that finds the row and sends it. No check of any kind. */
import Fastify from "fastify";
import { announceReady, host } from "../../harness/server.ts";
import { createOrders } from "../orders.ts";

const orders = createOrders();
const app = Fastify();

app.get<{ Params: { id: string } }>("/orders/:id", (request, reply) => {
  const order = orders.get(request.params.id);
  if (order === undefined) reply.code(404).send({ error: "not found" });
  else reply.send(order);
});

await app.listen({ host, port: 0 });
announceReady(app.server);
