/**
 * Puts the guard's fields on an answer at the moment its head is written.
 *
 * Setting a dozen fields one by one on each answer costs as much as several stages; merged into the object that Fastify
 * writes anyway they cost one copy (bench `request`: about 4 % of a whole request). What the application sets itself
 * wins, as it would otherwise. An answer written past the framework (`reply.hijack()`) gets the fields that it has not
 * set.
 */
import type { ServerResponse } from "node:http";
import { answerFields } from "../../pipeline/answer.ts";
import type { Exchange } from "../../pipeline/exchange.ts";

const exchangeKey = Symbol("bulwark.exchange");

interface GuardedResponse extends ServerResponse {
  [exchangeKey]?: Exchange;
}

export function setFields(response: ServerResponse, exchange: Exchange): void {
  const guarded = response as GuardedResponse;
  guarded[exchangeKey] = exchange;
  guarded.writeHead = writeHead as ServerResponse["writeHead"];
}

/** The exchange whose fields an answer carries, if there is one. */
export function exchangeOf(response: ServerResponse): Exchange | undefined {
  return (response as GuardedResponse)[exchangeKey];
}

function writeHead(this: GuardedResponse, status: number, given?: unknown, last?: unknown): ServerResponse {
  const original = Object.getPrototypeOf(this).writeHead as (...parameters: unknown[]) => ServerResponse;
  const exchange = this[exchangeKey];
  const guarded = exchange === undefined ? {} : answerFields(exchange);
  // What Fastify writes: a status and an object of fields.
  if (isFields(given)) return original.call(this, status, merge(guarded, given));
  for (const [name, value] of Object.entries(guarded)) {
    if (!this.hasHeader(name)) this.setHeader(name, value);
    else if (name === "vary") this.setHeader(name, `${this.getHeader(name)}, ${value}`);
  }
  return original.call(this, status, given, last);
}

type Fields = Readonly<Record<string, unknown>>;

function isFields(given: unknown): given is Fields {
  return typeof given === "object" && given !== null && !Array.isArray(given);
}

function merge(guarded: Readonly<Record<string, string>>, given: Fields): Fields {
  const merged: Record<string, unknown> = { ...guarded, ...given };
  // An application that varies by something else still varies by Origin.
  if (given.vary !== undefined && guarded.vary !== undefined) merged.vary = `${given.vary}, ${guarded.vary}`;
  return merged;
}
