import type { Clock } from '../lib/clock.ts'
import { TimerWheel } from '../lib/timer-wheel.ts'
import { turn, type Turn } from '../lib/turn.ts'
import { Acknowledgements } from './acknowledgements.ts'
import { Ports } from './ports.ts'
import { Sweeper } from './sweeper.ts'

/** Holds many messages: a busy connection is read in few system calls. */
const READ_SIZE = 128 * 1024
/** The length in front of a message is 16 bits wide (RFC 1035 §4.2.2). */
const MAX_FRAME = 0xffff

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
}

export function makeContext(clock: Clock): UpstreamContext {
  return {
    acknowledgements: new Acknowledgements(),
    clock,
    ports: new Ports(),
    wheel: new TimerWheel(clock),
    turn,
    sweeper: new Sweeper(clock),
    readBuffer: Buffer.allocUnsafeSlow(READ_SIZE),
    frameBuffer: Buffer.allocUnsafeSlow(MAX_FRAME),
  }
}
