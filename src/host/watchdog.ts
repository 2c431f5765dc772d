import { beat, type Beat } from '../lib/beat.ts'
import { SIGALRM } from '../sys/exit-bound.ts'
import type { Libc } from '../sys/libc.ts'

/** Seconds without a turn of the event loop after which the process ends. Signs of life come each second. */
const PATIENCE_S = 5

/**
 * Ends the process, with exit code 14, when its event loop has not turned for five seconds: the kernel
 * then removes the TUN, and kube-dns answers. `stop()` calls that off.
 *
 * The clock is the kernel's and runs on while the process is stopped or frozen: one that continues
 * after more than that ends, too. From here on nobody may call `process.on('SIGALRM')`, which takes the
 * signal away, and no call may hold the event loop for as long.
 */
export function startWatchdog(
  libc: Libc,
  ticks: Beat = beat,
  seconds: number = PATIENCE_S,
): { stop(): void } {
  libc.exitOnSignal(SIGALRM)
  libc.alarm(seconds)
  const end = ticks.every(1, () => libc.alarm(seconds))
  return {
    stop() {
      end()
      libc.alarm(0)
    },
  }
}
