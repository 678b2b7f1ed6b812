/**
 * Assurance: how strongly a session's methods prove who the person is, as an authentication context class (`acr`).
 *
 * The method references are RFC 8176's; the class names are the levels that a guard's contract knows by default.
 */

/** From strong to weak: the first row whose method the person used names the level. */
const levels = [
  { method: "mfa", assurance: "mfa" },
  { method: "pwd", assurance: "password" },
] as const;

/** The class the methods amount to; `undefined` where nothing is known of them. */
export function assuranceOf(methods: readonly string[]): string | undefined {
  return levels.find(({ method }) => methods.includes(method))?.assurance;
}
