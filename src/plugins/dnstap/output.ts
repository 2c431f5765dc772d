import type { Socket } from 'node:net'
import type { DnstapCounters } from './counters.ts'
import { FrameStream } from './frame-stream.ts'
import { type Envelope, payloadRoom, type TapMessage, writePayload } from './payload.ts'

const CHUNK = 64 * 1024
const MIB = 1024 * 1024
/** Messages for each unit of QUEUE, and octets. */
const MESSAGES = 10_000
const OCTETS = 8 * MIB
/** Messages wait so long for others that leave with them. */
const FLUSH_MS = 100

export interface OutputLimits {
  readonly queue: number
  readonly writeBuffer: number
}

/**
 * Messages on their way to one reader, as frames in chunks, and the connection to it.
 *
 *     chunks   [ frames ][ frames ][ frames … free ]      written in front, when the connection has room
 */
export class Output {
  readonly #limits: OutputLimits
  readonly #counters: DnstapCounters
  /** What was written last, and where it is free. */
  #chunk: Buffer = Buffer.alloc(0)
  #from = 0
  #end = 0
  /** Chunks that are full, with the messages in each. */
  #full: { readonly frames: Buffer; readonly messages: number }[] = []
  #fullOctets = 0
  #messages = 0
  #inChunk = 0
  #stream: FrameStream | null = null
  #isOpen = false
  #timer: NodeJS.Timeout | null = null

  constructor(limits: OutputLimits, counters: DnstapCounters) {
    this.#limits = limits
    this.#counters = counters
  }

  /**
   * Sends over a connected socket from now on.
   *
   * @param accepted the reader takes messages
   * @param ended there is no connection any more; with the reason, where it is not as it should be
   */
  open(socket: Socket, accepted: () => void, ended: (reason: string | null) => void): void {
    this.#stream = new FrameStream(socket, {
      accepted: () => {
        this.#isOpen = true
        accepted()
        this.#flush()
      },
      drained: () => this.#flush(),
      ended: (reason) => {
        this.#isOpen = false
        this.#stream = null
        this.#forget()
        ended(reason)
      },
    })
  }

  /** Takes a message, or drops it where there is no connection or no room. */
  add(m: TapMessage, envelope: Envelope): void {
    const room = 4 + payloadRoom(m, envelope)
    const { queue } = this.#limits
    const waiting = this.#fullOctets + this.#end - this.#from
    const fits = this.#messages < queue * MESSAGES && waiting + room <= queue * OCTETS
    if (this.#stream === null || !fits) {
      this.#counters.dropped++
      return
    }
    if (this.#end + room > this.#chunk.length) this.#newChunk(room)
    const end = writePayload(this.#chunk, this.#end + 4, m, envelope)
    this.#chunk.writeUInt32BE(end - this.#end - 4, this.#end)
    this.#end = end
    this.#messages++
    this.#inChunk++
    this.#timer ??= setTimeout(this.#flush, FLUSH_MS).unref()
  }

  /** Sends what waits and ends the connection in good order; false where there is none. */
  end(): boolean {
    this.#flush()
    this.#stream?.end()
    return this.#stream !== null
  }

  #newChunk(room: number): void {
    this.#seal()
    this.#chunk = Buffer.allocUnsafeSlow(Math.max(CHUNK, room))
    this.#from = this.#end = 0
    if (this.#isOpen) this.#flush()
  }

  /** What was written since the last time is a chunk of its own. */
  #seal(): void {
    if (this.#end === this.#from) return
    const frames = this.#chunk.subarray(this.#from, this.#end)
    this.#full.push({ frames, messages: this.#inChunk })
    this.#fullOctets += frames.length
    this.#from = this.#end
    this.#inChunk = 0
  }

  readonly #flush = (): void => {
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = null
    if (!this.#isOpen) return
    this.#seal()
    const most = this.#limits.writeBuffer * MIB
    let sent = 0
    for (const { frames, messages } of this.#full) {
      if (this.#stream!.waiting >= most) break
      this.#stream!.write(frames)
      this.#counters.sent += messages
      this.#messages -= messages
      this.#fullOctets -= frames.length
      sent++
    }
    this.#full = this.#full.slice(sent)
  }

  #forget(): void {
    this.#counters.dropped += this.#messages
    this.#full = []
    this.#fullOctets = this.#messages = this.#inChunk = 0
    this.#from = this.#end
  }
}
