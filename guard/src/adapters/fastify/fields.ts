/**
 * Puts the guard's fields on an answer at the moment its head is written.
 *
 * Setting a dozen fields one by one on each reply costs as much as several stages; merged into the object that Fastify
 * writes anyway they cost one copy (bench `request`: about 4 % of a whole request). What the application sets itself
 * wins, as it would otherwise. An answer written past Fastify (`reply.hijack()`) gets the fields that it has not set.
 */
import type { ServerResponse } from "node:http";
import type { FastifyReply } from "fastify";
import type { Exchange } from "../../pipeline/exchange.ts";

const exchangeKey = Symbol("bulwark.exchange");

interface GuardedResponse extends ServerResponse {
  [exchangeKey]?: Exchange;
}

export function setFields(reply: FastifyReply, exchange: Exchange): void {
  const response = reply.raw as GuardedResponse;
  response[exchangeKey] = exchange;
  response.writeHead = writeHead as ServerResponse["writeHead"];
}

function writeHead(this: GuardedResponse, status: number, given?: unknown, last?: unknown): ServerResponse {
  const original = Object.getPrototypeOf(this).writeHead as (...parameters: unknown[]) => ServerResponse;
  const guarded = fieldsOf(this[exchangeKey]);
  // What Fastify writes: a status and an object of fields.
  if (isFields(given)) return original.call(this, status, merge(guarded, given));
  for (const [name, value] of Object.entries(guarded)) {
    if (!this.hasHeader(name)) this.setHeader(name, value);
  }
  return original.call(this, status, given, last);
}

function fieldsOf(exchange: Exchange | undefined): Readonly<Record<string, string>> {
  if (exchange === undefined) return {};
  const { fields, remaining } = exchange;
  return remaining === "" ? fields : { ...fields, ratelimit: remaining };
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
