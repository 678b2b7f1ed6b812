/** The contract for the `bulwark` command: with the origins, and the policy, that `npm start` would use. */
import { openPolicy } from "./src/rego-policy.ts";
import { createSecurity } from "./src/security.ts";
import { readSettings } from "./src/settings.ts";

const settings = readSettings(process.env);

export const security = createSecurity(settings, await openPolicy(settings));
