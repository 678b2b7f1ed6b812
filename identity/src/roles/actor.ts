/** Who changes roles: the program itself, or an account or a client that asks for it. */

export interface Actor {
  readonly kind: "program" | "account" | "client";
  /** The account's or client's id; empty for the program. */
  readonly id: string;
  /** Where the request came from; `undefined` where there was none. */
  readonly address?: string | undefined;
}

/** The program that opened the server: its code is trusted, and asked nothing. */
export const program: Actor = Object.freeze({ kind: "program", id: "" });
