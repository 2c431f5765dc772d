/** A refused command line; exit code 2 (Go's) for wrong syntax, 1 (node-cache's) for wrong values. */
export class UsageError extends Error {
  readonly exitCode: 1 | 2
  /** Whether the message says all; else the usage text follows exit code 2. */
  readonly isComplete: boolean

  constructor(exitCode: 1 | 2, message: string, isComplete = false) {
    super(message)
    this.exitCode = exitCode
    this.isComplete = isComplete
  }
}

/** A flag whose value cannot be used, in node-cache's words. */
export function invalid(reason: string): UsageError {
  return new UsageError(1, `[FATAL] Error parsing flags - ${reason}, Exiting`)
}
