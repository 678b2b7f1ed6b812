/**
 * Keeps a framework's list of routes to what is declared through the guard.
 *
 * Frameworks add every route, middleware and nested router to one list. An addition of another's is refused where it is
 * made; should it be there all the same, no request is answered.
 */
import { ContractError } from "../../contract/refusal.ts";

export interface OwnRoutes {
  /** Adds to the list what the guard has compiled. */
  add(declare: () => void): void;
  /** Is nothing in the list but what was added through `add`? */
  isIntact(): boolean;
}

/**
 * @param place What a refused entry is called, for a person who looks for it: `GET /open`.
 * @throws {ContractError} `route_before_guard` where there are entries already; `route_undeclared` from the list itself.
 */
export function keepToOwn<Entry>(list: Entry[], place: (entry: Entry) => string): OwnRoutes {
  const [early] = list;
  if (early !== undefined) {
    throw new ContractError("route_before_guard", "bulwark", `There is \`${place(early)}\` already.`);
  }
  let adding = false;
  let refused = false;
  let own = 0;
  list.push = (...entries) => {
    if (!adding) {
      refused = true;
      throw new ContractError(
        "route_undeclared",
        entries.map(place).join(", "),
        "The guard knows nothing of it.",
      );
    }
    own += entries.length;
    return Array.prototype.push.apply(list, entries);
  };
  return {
    add(declare) {
      adding = true;
      try {
        declare();
      } finally {
        adding = false;
      }
    },
    isIntact: () => !refused && list.length === own,
  };
}
