/** What it takes of the C library; `Libc` has more. */
interface Alarm {
  alarm(seconds: number): unknown
  exitOnSignal(signal: number): void
}

/** `_exit` takes the signal's number as exit code. */
export const SIGALRM = 14

/** Seconds that an exit may take. */
const PATIENCE_S = 10

/**
 * Bounds how long the process takes to exit: after ten seconds the kernel ends it, with exit code 14. Node.js waits for
 * V8's threads then, and one that waits for the main thread to collect garbage never comes to its end; such a
 * process would keep its sockets until somebody kills it.
 */
export function boundExit(libc: Alarm, seconds: number = PATIENCE_S): void {
  process.on('exit', () => {
    libc.exitOnSignal(SIGALRM)
    libc.alarm(seconds)
  })
}
