/** Everything the identity server answers over HTTP, as one Fastify plugin in a guarded scope of its own. */
import { defineSecurity, type Security } from "@bulwark/guard";
import { bulwark } from "@bulwark/guard/fastify";
import type { FastifyPluginAsync } from "fastify";
import { addSignInForm, addSignInPage } from "../oauth/interaction.ts";
import { mountProvider } from "../oauth/mount.ts";
import { createProvider, type ProviderOptions } from "../oauth/provider.ts";
import type { SignIn } from "../sessions/sign-in.ts";
import { addSessionRoutes } from "./session-routes.ts";

export interface ContractOptions {
  readonly issuer: URL;
  readonly audience: string;
  /** Sign-ins from one address. */
  readonly signInLimit: string;
}

export interface Contracts {
  /** For every route. */
  readonly all: Security;
  /** For the sign-in form: it is no JSON that a schema could check, so its limit is its scope's. */
  readonly form: Security;
}

export interface PluginOptions extends Omit<ProviderOptions, "logFailure"> {
  readonly contracts: Contracts;
  readonly signInLimit: string;
  readonly signIn: SignIn;
}

/** Requests from one address to all routes together: a page with its redirects, many people behind one address. */
const overallLimit = "600/1m";

/** Checks what the routes will declare, before anything is opened. @throws {ContractError} `rate_invalid` */
export function createContracts({ issuer, audience, signInLimit }: ContractOptions): Contracts {
  const contract = (limit: string) =>
    defineSecurity({ issuer: issuer.origin, audience, resources: [], roles: {}, limits: { address: limit } });
  return { all: contract(overallLimit), form: contract(signInLimit) };
}

export function createPlugin(options: PluginOptions): FastifyPluginAsync {
  const { issuer, contracts, now } = options;
  return async (app) => {
    const provider = createProvider({ ...options, logFailure: (error) => app.log.error(error) });
    await app.register(async (scope) => {
      await scope.register(bulwark, { security: contracts.all, now });
      addSessionRoutes(scope, options);
      addSignInPage(scope, { ...options, provider });
      await scope.register(async (mounted) => mountProvider(mounted, provider, issuer));
      await scope.register(async (form) => {
        await form.register(bulwark, { security: contracts.form, now });
        addSignInForm(form, { ...options, provider });
      });
    });
  };
}
