import type { Libc } from '../sys/libc.ts'

const SIGALRM = 14

/** When a process counts as hung. */
interface WatchdogLimits {
  /** Whole seconds without a turn of the event loop after which the process ends; at least 1. */
  readonly seconds: number
  /** Milliseconds between two signs of life; well below `seconds`. */
  readonly everyMs: number
}

/**
 * Ends the process, with exit code 14, when its event loop has not turned for `seconds`: the kernel
 * then removes the TUN, and kube-dns answers. `stop()` calls that off.
 *
 * The clock is the kernel's and runs on while the process is stopped or frozen: one that continues
 * after more than `seconds` ends, too. Nobody may call `process.on('SIGALRM')`, which takes the
 * signal away, and no call may hold the event loop for as long.
 */
export function startWatchdog(
  libc: Libc,
  { seconds, everyMs }: WatchdogLimits = { seconds: 5, everyMs: 1000 },
): { stop(): void } {
  libc.exitOnSignal(SIGALRM)
  libc.alarm(seconds)
  const timer = setInterval(() => libc.alarm(seconds), everyMs).unref()
  return {
    stop() {
      clearInterval(timer)
      libc.alarm(0)
    },
  }
}
