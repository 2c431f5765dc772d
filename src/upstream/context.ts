import { beat, type Beat } from '../lib/beat.ts'
import type { Clock } from '../lib/clock.ts'
import { TimerWheel } from '../lib/timer-wheel.ts'
import { turn, type Turn } from '../lib/turn.ts'
import { libc } from '../sys/libc.ts'
import { acknowledgeNow, unacknowledgedBytes } from '../sys/socket.ts'
import { type Backends, kernelBackends } from './backends.ts'
import { Ports } from './ports.ts'

/** Holds many messages: a busy connection is read in few system calls. */
const READ_SIZE = 128 * 1024
/** The length in front of a message is 16 bits wide (RFC 1035 §4.2.2). */
const MAX_FRAME = 0xffff
/** Idle sockets live up to so many seconds longer than they should. */
const SWEEP = 1
/** Node's shortest timer. The kernel would wait 40 ms. */
const ACKNOWLEDGE_MS = 1

/** What all upstreams of the process share. */
export interface UpstreamContext {
  readonly clock: Clock
  readonly wheel: TimerWheel
  readonly turn: Turn
  readonly sweeper: Sweeper
  /** Where every connection reads into: what is read is used up before the next read. */
  readonly readBuffer: Buffer
  /** Where every connection puts its messages together, one at a time. */
  readonly frameBuffer: Buffer
  readonly acknowledgements: Acknowledgements
  readonly ports: Ports
  readonly backends: Backends
  readonly strange: Strange
}

/**
 * Told of `message[0..length)`, borrowed, that the upstream of this name sent: it answers no question of ours,
 * or cannot be read.
 */
export type Strange = (upstream: string, message: Buffer, length: number) => void

export function makeContext(clock: Clock, strange: Strange = () => {}): UpstreamContext {
  return {
    strange,
    acknowledgements: new Acknowledgements(),
    backends: kernelBackends(libc().libc),
    clock,
    ports: new Ports(),
    wheel: new TimerWheel(clock),
    turn,
    sweeper: new Sweeper(clock),
    readBuffer: Buffer.allocUnsafeSlow(READ_SIZE),
    frameBuffer: Buffer.allocUnsafeSlow(MAX_FRAME),
  }
}

/** Something that holds sockets which are closed when nobody uses them. */
export interface Sweepable {
  /** Closes what has been idle for too long; false where nothing is left to look after. */
  sweep(now: number): boolean
}

/** Looks after idle sockets once a second, while there are any. */
export class Sweeper {
  readonly #clock: Clock
  readonly #all = new Set<Sweepable>()
  readonly #beat: Beat
  /** Ends the sweeps; null while there are none. */
  #end: (() => void) | null = null

  constructor(clock: Clock, ticks: Beat = beat) {
    this.#clock = clock
    this.#beat = ticks
  }

  /** Includes `one` until its `sweep` returns false. */
  add(one: Sweepable): void {
    this.#all.add(one)
    this.#end ??= this.#beat.every(SWEEP, () => this.run())
  }

  run(): void {
    const now = this.#clock.refresh()
    for (const one of this.#all) if (!one.sweep(now)) this.#all.delete(one)
    if (this.#all.size > 0) return
    this.#end?.()
    this.#end = null
  }
}

/** A connection whose upstream may wait for an acknowledgement. */
export interface Acknowledgeable {
  /** Acknowledges what it has received, unless a write has done that meanwhile. */
  acknowledge(): void
}

/**
 * Acknowledges what TCP connections have received, if within a millisecond nothing was sent that
 * carries it. An upstream that writes its answers one by one and lets Nagle's algorithm run (nsd) sends
 * the second only after the first is acknowledged; the kernel would put that off for 40 ms.
 */
class Acknowledgements {
  /** Acknowledges at once what the socket with this descriptor has received. */
  readonly send: (fd: number) => void
  /** Octets sent from this socket that the other end has not acknowledged; 0 where nobody can tell. */
  readonly pending: (fd: number) => number
  #due: Acknowledgeable[] = []
  #spare: Acknowledgeable[] = []

  constructor() {
    const { libc: system } = libc()
    this.send = system === null ? () => {} : (fd) => acknowledgeNow(system, fd)
    this.pending = system === null ? () => 0 : (fd) => unacknowledgedBytes(system, fd)
  }

  /** Asks for `one.acknowledge()` in a millisecond. */
  add(one: Acknowledgeable): void {
    if (this.#due.length === 0) setTimeout(this.#run, ACKNOWLEDGE_MS)
    this.#due.push(one)
  }

  readonly #run = (): void => {
    const due = this.#due
    this.#due = this.#spare
    for (let i = 0; i < due.length; i++) due[i]!.acknowledge()
    due.length = 0
    this.#spare = due
  }
}
