/** A list whose handler forgot the filter may hold anyone's rows: it is not sent. */
export function forgottenFilter(): Error {
  return new Error("The route declares `list`, and its handler never applied `request.allowed(resource)`.");
}
