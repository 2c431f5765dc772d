/** A refused command line; exit code 2 (Go's) for wrong syntax, 1 (node-cache's) for wrong values. */
export class UsageError extends Error {
  readonly exitCode: 1 | 2

  constructor(exitCode: 1 | 2, message: string) {
    super(message)
    this.exitCode = exitCode
  }
}

/** A flag whose value cannot be used, in node-cache's words. */
export function invalid(reason: string): UsageError {
  return new UsageError(1, `[FATAL] Error parsing flags - ${reason}, Exiting`)
}
