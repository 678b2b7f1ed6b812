/** A contract that does not start. */
import { defineSecurity } from "@bulwark/guard";

export const security = defineSecurity({
  issuer: "http://shop.example",
  audience: "http://localhost:3000/api",
  resources: [],
  roles: {},
});
