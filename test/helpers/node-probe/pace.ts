import { setImmediate as turn } from 'node:timers/promises'

import { monotonic } from './monotonic.ts'
import type { ProbeOptions } from './options.ts'
import type { Samples } from './samples.ts'

/** What a probe consists of. */
export interface Sender {
  /** Sends `count` queries, all at `now`. */
  send(count: number, now: number): void
  /** Takes in what has arrived. Absent where events bring it. */
  receive?(now: number): void
  close(): void
}

/** A probe under way. */
export interface Run {
  readonly options: ProbeOptions
  readonly samples: Samples
  /** The time, for what arrives by itself. */
  readonly now: () => number
  /** Set from outside: send no more. */
  stopping: boolean
}

/** Longer bursts after this process was held up are cut, so that answers are read in between. */
const BURST = 128
const SLEEP_MS = 0.2
/** Signals and sockets of Node get a turn this often, in milliseconds. */
const TURN_MS = 3

const sleeper = new Int32Array(new SharedArrayBuffer(4))

/**
 * Sends at an even rate until told to stop, then receives until all is answered or lost. Where
 * `sender` receives by itself this sleeps inside the kernel, never busy; else in the event loop.
 */
export async function pace(run: Run, sender: Sender): Promise<void> {
  const { rate, seconds } = run.options
  const { samples } = run
  const start = monotonic()
  let turned = start
  let end = start + seconds * 1000
  for (;;) {
    const now = monotonic()
    if (run.stopping) end = Math.min(end, now)
    if (now < end) {
      const due = Math.floor(((now - start) * rate) / 1000) - samples.count
      if (due > 0) sender.send(Math.min(due, BURST), now)
    } else if (samples.pending === 0) break
    samples.expire(now)
    sender.receive?.(now)
    if (sender.receive !== undefined) Atomics.wait(sleeper, 0, 0, SLEEP_MS)
    if (sender.receive === undefined) await new Promise((resolve) => setTimeout(resolve, 1))
    else if (now - turned > TURN_MS) {
      turned = now
      await turn()
    }
  }
  sender.close()
}
