/** A module that exports no contract. */
export const security = { roles: "none" };
