import type { Socket } from 'node:net'

/**
 * Frame Streams, the bidirectional variant, from the side that has the data:
 *
 *     writer                  reader
 *       READY ───────────────▶
 *             ◀─────────────── ACCEPT
 *       START ───────────────▶
 *       data  ───────────────▶  …
 *       STOP  ───────────────▶
 *             ◀─────────────── FINISH
 *
 *     data       length 4 | octets
 *     control    0 4 | length 4 | type 4 | (field 4 | length 4 | octets)*
 */
const Control = { Accept: 1, Start: 2, Stop: 3, Ready: 4, Finish: 5 } as const
type Control = (typeof Control)[keyof typeof Control]

const CONTENT_TYPE = 1
const content = Buffer.from('protobuf:dnstap.Dnstap')
/** As in the C library: no control frame is longer. */
const MAX_CONTROL = 512
/** Escape and length in front of a control frame. */
const HEAD = 8

/** As in CoreDNS, for the handshake; and for the end, when what was written may still be read. */
const HANDSHAKE_MS = 4_000
const FINISH_MS = 1_000

export interface FrameStreamOwner {
  /** Data frames may be written. */
  accepted(): void
  /** What was written has left, or lies with the kernel. */
  drained(): void
  /** It is over; null: as it should be. */
  ended(reason: string | null): void
}

const State = { Handshake: 0, Open: 1, Finishing: 2, Ended: 3 } as const
type State = (typeof State)[keyof typeof State]

/** One connection to a reader of dnstap messages; begins with a connected socket. */
export class FrameStream {
  readonly #socket: Socket
  readonly #owner: FrameStreamOwner
  #state: State = State.Handshake
  #received: Buffer = Buffer.alloc(0)
  #timer: NodeJS.Timeout
  #reason: string | null = null

  constructor(socket: Socket, owner: FrameStreamOwner) {
    this.#socket = socket
    this.#owner = owner
    socket.on('data', (octets: Buffer) => this.#read(octets))
    socket.on('drain', () => owner.drained())
    socket.on('error', (error) => (this.#reason ??= error.message))
    socket.on('close', () => this.#closed())
    this.#timer = this.#limit(HANDSHAKE_MS, 'no ACCEPT in time')
    socket.write(controlFrame(Control.Ready))
  }

  /** Octets that wait in the connection. */
  get waiting(): number {
    return this.#socket.writableLength
  }

  /** Writes whole data frames, which stay as they are. */
  write(frames: Buffer): void {
    this.#socket.write(frames)
  }

  /** Ends it in good order; within a second in any case. */
  end(): void {
    if (this.#state === State.Handshake) this.#socket.destroy()
    if (this.#state !== State.Open) return
    this.#state = State.Finishing
    this.#socket.write(controlFrame(Control.Stop))
    this.#timer = this.#limit(FINISH_MS, 'no FINISH in time')
  }

  #limit(ms: number, reason: string): NodeJS.Timeout {
    return setTimeout(() => this.#fail(reason), ms).unref()
  }

  #fail(reason: string): void {
    this.#reason ??= reason
    this.#socket.destroy()
  }

  #read(octets: Buffer): void {
    this.#received = Buffer.concat([this.#received, octets])
    while (this.#received.length >= HEAD && this.#state !== State.Ended) {
      const size = this.#received.readUInt32BE(4)
      if (this.#received.readUInt32BE(0) !== 0 || size < 4 || size > MAX_CONTROL) {
        this.#fail('the reader does not speak Frame Streams')
        return
      }
      if (this.#received.length < HEAD + size) return
      const frame = this.#received.subarray(HEAD, HEAD + size)
      this.#received = this.#received.subarray(HEAD + size)
      this.#control(frame)
    }
  }

  #control(frame: Buffer): void {
    const type = frame.readUInt32BE(0)
    if (type === Control.Finish) {
      // Else its time runs. Who says so unasked may keep his own end open.
      if (this.#state === State.Open)
        this.#timer = this.#limit(FINISH_MS, 'the reader does not close')
      this.#state = State.Finishing
      this.#socket.end()
      return
    }
    if (type !== Control.Accept || this.#state !== State.Handshake) return
    if (!takesContent(frame)) {
      this.#fail(`the reader does not take ${content.toString()}`)
      return
    }
    clearTimeout(this.#timer)
    this.#state = State.Open
    this.#socket.write(controlFrame(Control.Start))
    this.#owner.accepted()
  }

  #closed(): void {
    if (this.#state === State.Ended) return
    const wasFinishing = this.#state === State.Finishing
    this.#state = State.Ended
    clearTimeout(this.#timer)
    this.#owner.ended(
      wasFinishing ? null : (this.#reason ?? 'the reader has closed the connection'),
    )
  }
}

function controlFrame(type: Control): Buffer {
  const hasContent = type === Control.Ready || type === Control.Start
  const size = hasContent ? 12 + content.length : 4
  const frame = Buffer.alloc(HEAD + size)
  frame.writeUInt32BE(size, 4)
  frame.writeUInt32BE(type, HEAD)
  if (!hasContent) return frame
  frame.writeUInt32BE(CONTENT_TYPE, HEAD + 4)
  frame.writeUInt32BE(content.length, HEAD + 8)
  content.copy(frame, HEAD + 12)
  return frame
}

/** Whether ACCEPT names our content type, or none. */
function takesContent(frame: Buffer): boolean {
  let named = false
  for (let at = 4; at + 8 <= frame.length;) {
    const size = frame.readUInt32BE(at + 4)
    const value = frame.subarray(at + 8, at + 8 + size)
    if (frame.readUInt32BE(at) === CONTENT_TYPE) {
      if (value.equals(content)) return true
      named = true
    }
    at += 8 + size
  }
  return !named
}
