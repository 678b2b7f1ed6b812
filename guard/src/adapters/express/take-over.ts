/** Puts the guard before the app's first layer and after its last: where Express itself would answer. */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Express } from "express";
import { ContractError } from "../../contract/refusal.ts";
import type { OwnRoutes } from "../api/own-routes.ts";
import { isWellFormed } from "../api/routes.ts";
import { type Answers, originalUrl } from "./answers.ts";

type Handle = (request: IncomingMessage, response: ServerResponse, done: (error?: unknown) => void) => void;

export function takeOver(app: Express, own: OwnRoutes, answers: Answers): void {
  // What Express's server, and an app that this one is mounted on, call for each request.
  const target = app as unknown as { handle: Handle };
  const { handle } = target;
  target.handle = (request, response) => {
    if (!own.isIntact()) {
      answers.fail(new Error("The app has routes that the guard knows nothing of."), response);
    } else if (!isWellFormed(originalUrl(request))) {
      answers.unknown(request, response);
    } else {
      handle.call(app, request, response, (error) => {
        if (error === undefined || error === null) answers.unknown(request, response);
        else answers.fail(error, response);
      });
    }
  };
  // It would run before a route's guard.
  app.router.param = (name: string) => {
    throw new ContractError("route_undeclared", `param ${name}`, "The guard knows nothing of it.");
  };
}
