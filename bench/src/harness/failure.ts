/** A benchmark that cannot be trusted or finished: its message is all the operator needs, no stack. */
export class BenchmarkFailure extends Error {
  override readonly name = "BenchmarkFailure";
}
