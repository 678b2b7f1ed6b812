/** Everything the identity server answers over HTTP, as one Fastify plugin in a guarded scope of its own. */
import { defineSecurity, type IdentitySource, type Security } from "@bulwark/guard";
import { bulwark } from "@bulwark/guard/fastify";
import type { FastifyPluginAsync } from "fastify";
import type { ApiKeys } from "../api-keys/api-keys.ts";
import type { AuditLog } from "../audit/audit-log.ts";
import type { Feed } from "../feed/feed.ts";
import { addSignInForm, addSignInPage } from "../oauth/interaction.ts";
import { mountProvider } from "../oauth/mount.ts";
import { createProvider, type ProviderOptions } from "../oauth/provider.ts";
import type { RoleKeeper } from "../roles/role-keeper.ts";
import type { SignIn } from "../sessions/sign-in.ts";
import { addAdministration, administrationContract } from "./admin/plugin.ts";
import { addGuardRoutes } from "./guard-routes.ts";
import { addSessionRoutes, addSignInRoute } from "./session-routes.ts";

export interface ContractOptions {
  readonly issuer: URL;
  readonly audience: string;
  /** Sign-ins from one address. */
  readonly signInLimit: string;
}

export interface Contracts {
  /** For every route. */
  readonly all: Security;
  /** For both doors of sign-in, the JSON route and the page's form: they share one limit. */
  readonly signIn: Security;
  /** For guards in other processes, who ask for everybody. */
  readonly guards: Security;
}

export interface PluginOptions extends Omit<ProviderOptions, "logFailure"> {
  readonly contracts: Contracts;
  readonly signIn: SignIn;
  readonly apiKeys: ApiKeys;
  readonly feed: Feed;
  /** What this server lends to guards, its own among them. */
  readonly source: Required<IdentitySource>;
  /** `undefined` where there is no contract. */
  readonly keeper: RoleKeeper | undefined;
  readonly audit: AuditLog;
}

/** Requests from one address to all routes together: a page with its redirects, many people behind one address. */
const overallLimit = "600/1m";
/** Requests of guards at one address: each asks for every new session and key of all its callers. */
const guardLimit = "60000/1m";

/** Checks what the routes will declare, before anything is opened. @throws {ContractError} `rate_invalid` */
export function createContracts({ issuer, audience, signInLimit }: ContractOptions): Contracts {
  const contract = (limit: string) =>
    defineSecurity({ issuer: issuer.origin, audience, resources: [], roles: {}, limits: { address: limit } });
  return { all: contract(overallLimit), signIn: contract(signInLimit), guards: contract(guardLimit) };
}

export function createPlugin(options: PluginOptions): FastifyPluginAsync {
  const { issuer, contracts, contract, keeper, source, now } = options;
  return async (app) => {
    const provider = createProvider({ ...options, logFailure: (error) => app.log.error(error) });
    await app.register(async (scope) => {
      await scope.register(bulwark, { security: contracts.all, now });
      addSessionRoutes(scope, options);
      addSignInPage(scope, { ...options, provider });
      await scope.register(async (mounted) => mountProvider(mounted, provider, issuer));
      await scope.register(async (doors) => {
        await doors.register(bulwark, { security: contracts.signIn, now });
        addSignInRoute(doors, options);
        await doors.register(async (form) => addSignInForm(form, { ...options, provider }));
      });
      await scope.register(async (guards) => {
        await guards.register(bulwark, { security: contracts.guards, now });
        addGuardRoutes(guards, options);
      });
      if (contract === undefined || keeper === undefined) return;
      await scope.register(async (admin) => {
        const security = administrationContract(contract, issuer, contracts.all);
        await admin.register(bulwark, { security, identity: source, now });
        addAdministration(admin, { ...options, contract, keeper });
      });
    });
  };
}
