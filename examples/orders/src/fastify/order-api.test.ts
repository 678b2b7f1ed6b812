import { describeOrderApi } from "../testing/order-api.ts";

describeOrderApi("fastify");
