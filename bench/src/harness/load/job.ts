/** What the harness and the load generator say to each other over the message channel. */

/** One request of the rotation; `Host` is added when the port is known. */
export interface LoadRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  /** The length of the one right answer; another length fails the run. */
  readonly expectedBodyBytes: number;
}

/** One stretch of load on one server. */
export interface LoadJob {
  /** The name of the rotation it draws from. */
  readonly rotation: string;
  readonly port: number;
  /** Its processor time is read at both ends of the measured stretch. */
  readonly serverPid: number;
  /** Keep-alive connections, each with one request under way. */
  readonly connections: number;
  /** Load before the clock starts, so that opening connections is not measured. */
  readonly leadInMs: number;
  readonly seconds: number;
  /** Goes on beyond `seconds` until this many answers: a warm-up must have shown every token. Default 0. */
  readonly minAnswers?: number;
}

export interface LoadReport {
  readonly answers: number;
  readonly seconds: number;
  readonly requestsPerSecond: number;
  /** Processor time per second of the stretch, 1 being one whole core; absent without `/proc`. */
  readonly serverCpuShare?: number;
  readonly loadCpuShare: number;
}

export type LoadCommand =
  | { readonly kind: "requests"; readonly rotation: string; readonly requests: readonly LoadRequest[] }
  | { readonly kind: "run"; readonly job: LoadJob };

export type LoadEvent =
  | { readonly kind: "prepared" }
  | { readonly kind: "report"; readonly report: LoadReport }
  | { readonly kind: "failed"; readonly reason: string };
