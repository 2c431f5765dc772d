/** A server that can be measured. */
export interface Server {
  readonly name: string
  readonly port: number
  readonly argv: readonly string[]
  readonly env: Readonly<Record<string, string>>
  /** Prints its version in one of its first lines; null for a peer of the command line. */
  readonly versionArgv: readonly string[] | null
}

/** What a server's configuration depends on. */
export interface Place {
  /** For rendered configurations, data and logs. */
  readonly dir: string
  /** Where the server listens on 127.0.0.1, UDP and TCP. */
  readonly port: number
  /** Where nsd listens, and the upstream that answers in order. */
  readonly upstreamPort: number
  readonly inOrderPort: number
}

/** The values of `{$NAME}` in configurations, also given to every server as its environment. */
export function environment(place: Place): Record<string, string> {
  return {
    BENCH_DIR: place.dir,
    BENCH_PORT: String(place.port),
    BENCH_METRICS_PORT: String(metricsPort(place.port)),
    BENCH_UPSTREAM_PORT: String(place.upstreamPort),
    BENCH_IN_ORDER_PORT: String(place.inOrderPort),
  }
}

/** Servers with an HTTP endpoint listen there; flags of node-cache want a second one. */
export function metricsPort(port: number): number {
  return port + 100
}
