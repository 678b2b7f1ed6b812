/** CASL: one prebuilt ability per person, and rows that already say what they are. */
import {
  AbilityBuilder,
  createMongoAbility,
  type ForcedSubject,
  type MongoAbility,
  subject,
} from "@casl/ability";
import { type Engine, known, type OrderRow, type Person } from "../questions.ts";

interface Asked {
  readonly ability: MongoAbility;
  readonly action: string;
  readonly row: OrderRow & ForcedSubject<"order">;
}

export const casl: Engine<Asked> = {
  name: "@casl/ability",
  ratio: "toCasl",
  async prepare(people, rows) {
    const abilities = new Map(people.map((person) => [person.id, buildAbility(person)]));
    // Said once: asked on every decision it would be CASL's to do, and would slow it.
    const subjects = new Map(rows.map((row) => [row.id, subject("order", { ...row })]));
    return {
      bind: ({ person, action, row }) => ({
        ability: known(abilities, person.id),
        action,
        row: known(subjects, row.id),
      }),
      decide: ({ ability, action, row }) => ability.can(action, row),
    };
  },
};

function buildAbility({ id, role, team }: Person): MongoAbility {
  const { can, build } = new AbilityBuilder(createMongoAbility);
  can("read", "order", { ownerId: id });
  can("update", "order", { ownerId: id, status: { $in: ["draft", "open"] } });
  if (role !== "user") can("read", "order", { team });
  if (role === "admin") can(["read", "update", "delete"], "order");
  return build();
}
