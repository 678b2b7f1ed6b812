/** What every engine is asked: the same rules of an order API, over the same people and rows. */

export interface Person {
  readonly id: string;
  readonly role: "user" | "manager" | "admin";
  readonly team: string;
}

/** A type and not an interface, so that it is also a row of whatever shape an engine takes. */
export type OrderRow = {
  readonly id: string;
  readonly ownerId: string;
  readonly team: string;
  readonly status: string;
  /** Whole: Cedar knows no fractions. */
  readonly total: number;
};

export interface Question {
  readonly person: Person;
  readonly action: "read" | "update" | "delete";
  readonly row: OrderRow;
}

/** An engine with everything prebuilt that can be known before a question comes: rules, people, rows. */
interface Prepared<Asked> {
  /** A question as the engine takes it, with what a server has in hand when it asks. Not timed. */
  bind(question: Question): Asked;
  /** May this be done? Timed. */
  decide(asked: Asked): boolean;
}

export interface Engine<Asked = unknown> {
  readonly name: string;
  /** The name of the ratio guard / this engine. */
  readonly ratio: string;
  /** `undefined`: what it needs is not installed. */
  prepare(people: readonly Person[], rows: readonly OrderRow[]): Promise<Prepared<Asked> | undefined>;
}

/** What was prepared under an id. */
export function known<Value>(values: ReadonlyMap<string, Value>, id: string): Value {
  const value = values.get(id);
  if (value === undefined) throw new TypeError(`${id} was not prepared.`);
  return value;
}

const teams = ["red", "green", "blue"] as const;
const statuses = ["draft", "open", "paid", "shipped"] as const;
const actions = ["read", "update", "delete"] as const;
const roles = ["user", "user", "user", "manager", "admin"] as const;
const peopleCount = 50;
const rowCount = 200;

export const people: readonly Person[] = Array.from({ length: peopleCount }, (_, index) => ({
  id: `account-${index}`,
  role: roles[index % roles.length] ?? "user",
  team: teams[index % teams.length] ?? "red",
}));

export const rows: readonly OrderRow[] = Array.from({ length: rowCount }, (_, index) => ({
  id: `order-${index}`,
  ownerId: people[index % peopleCount]?.id ?? "",
  team: teams[(index % peopleCount) % teams.length] ?? "red",
  status: statuses[index % statuses.length] ?? "open",
  total: index * 3,
}));

/** Everyone about own and others' rows, all actions, in an order that no cache line is grateful for. */
export const questions: readonly Question[] = Array.from({ length: 1_024 }, (_, index) => {
  const person = people[(index * 7) % peopleCount] as Person;
  const own = rows.filter(({ ownerId }) => ownerId === person.id);
  const row = index % 3 === 0 ? own[index % own.length] : rows[(index * 31) % rowCount];
  return { person, action: actions[index % actions.length] ?? "read", row: row as OrderRow };
});

/** The rules, said once more in plain code: what each engine's answers are compared with before it is timed. */
export function isAllowed({ person, action, row }: Question): boolean {
  if (person.role === "admin") return true;
  const own = row.ownerId === person.id;
  if (action === "read") return own || (person.role === "manager" && row.team === person.team);
  return action === "update" && own && (row.status === "draft" || row.status === "open");
}
