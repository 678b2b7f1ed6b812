/** What the administration's routes take. Names are looked up later: here only shapes and sizes. */
import { z } from "zod";
import { bounds } from "../../roles/role-rules.ts";

const name = z.string().min(1).max(63);
const id = z.string().min(1).max(64);

const SetValue = z.union([
  z.string().max(1_000),
  z.number(),
  z.boolean(),
  z.strictObject({ principal: z.literal("id") }),
  z.strictObject({ claim: z.string().min(1).max(200) }),
]);

const Grant = z.strictObject({
  effect: z.enum(["allow", "deny"]),
  permission: z.string().max(130),
  where: name.exactOptional(),
  fields: z.array(name).max(100).exactOptional(),
  set: z.record(name, SetValue).exactOptional(),
  assurance: name.exactOptional(),
  maxAge: z.string().max(16).exactOptional(),
});

const Contents = { extends: z.array(name).max(bounds.extends), grants: z.array(Grant).max(bounds.grants) };

export const RoleContents = z.strictObject(Contents);
export const NewRole = z.strictObject({ name, ...Contents });
export const RoleName = z.strictObject({ name });
export const SubjectId = z.strictObject({ id });
export const HeldRoles = z.strictObject({ roles: z.array(name).max(bounds.held) });
export const DirectGrants = z.strictObject({ grants: z.array(Grant).max(bounds.grants) });

const limit = z.coerce.number().int().min(1).max(200).default(50);

export const Page = z.strictObject({ after: id.exactOptional(), limit });

/** `account:6f9619ff-…`, `role:support` */
const reference = z
  .string()
  .regex(/^(role|account|client|program):[\x21-\x7e]{0,64}$/)
  .transform((text) => {
    const [kind = "", ...rest] = text.split(":");
    return { kind, id: rest.join(":") };
  });

export const AuditQuery = z.strictObject({
  before: z.coerce.number().int().min(1).max(Number.MAX_SAFE_INTEGER).exactOptional(),
  target: reference.exactOptional(),
  actor: reference.exactOptional(),
  limit,
});

/** Room for as many grants as there may be. */
export const mostBodyBytes = 131_072;
