/** What the routes that explain the rule take: shapes and sizes; a row is read later, by its resource's attributes. */
import { z } from "zod";
import { bounds } from "../../roles/role-rules.ts";

const name = z.string().min(1).max(63);
const permission = z.string().max(130);
const values = z.record(z.string().max(63), z.unknown());
/** RFC 3339, with the offset that makes it an instant. */
const time = z.iso.datetime({ offset: true });
/** The ids of a further issuer's subjects carry its name. */
const id = z.string().min(1).max(300);

const Principal = z.strictObject({
  kind: z.enum(["account", "client"]),
  id,
  /** Default those that it holds. */
  roles: z.array(name).max(bounds.held).exactOptional(),
  /** Default the account's. */
  claims: z.record(z.string().max(200), z.unknown()).exactOptional(),
});

const Credential = {
  principal: Principal,
  scope: z.string().max(4_096).exactOptional(),
  acr: z.string().max(200).exactOptional(),
  authenticatedAt: time.exactOptional(),
  at: time.exactOptional(),
};

const Asked = { permission, row: values.exactOptional(), changes: values.exactOptional() };

export const ExplainQuestion = z.strictObject({ ...Credential, ...Asked });
export const WhatQuestion = z.strictObject(Credential);
export const WhoQuestion = z.strictObject({
  ...Asked,
  at: time.exactOptional(),
  /** The roles to answer for. */
  roles: z.array(name).min(1).max(bounds.held).exactOptional(),
  /** The account after which to go on. */
  after: z.string().min(1).max(64).exactOptional(),
  /** Accounts that are looked at. */
  limit: z.int().min(1).max(200).default(50),
});
