import type { Socket } from 'node:net'
import { framed, LENGTH_SIZE } from '../../wire/frame.ts'

/** Answers a query that came over `transport`, now or later; null where there is nothing to say to it. */
export type Answer = (query: Buffer, transport: 'udp' | 'tcp') => Reply | Promise<Reply>
type Reply = Buffer | null

/** How a connection is served. Times in milliseconds. */
export interface SerialOptions {
  readonly answer: Answer
  /** How long a query is in service; 0: it is answered at once. */
  readonly serviceMs: (query: Buffer) => number
  /** Time given to the first query, and to each further one after the answer before it. */
  readonly firstMs: number
  readonly idleMs: number
  /** Answers after which the connection ends, null: any number. */
  readonly closeAfter: number | null
  /** Told of each query when its service begins. */
  readonly taken: (query: Buffer) => void
  readonly answered: () => void
}

const EMPTY = Buffer.alloc(0)

/**
 * A TCP connection of a client, served as CoreDNS does it (miekg/dns): a query is read when the one
 * before it is answered, however many wait behind it. Where the connection ends with queries unread,
 * the client gets a reset, as the kernel sends one to whoever closes without reading.
 */
export class SerialConnection {
  readonly #socket: Socket
  readonly #options: SerialOptions
  /** Octets received and not yet served. */
  #unread: Buffer = EMPTY
  /** Answers of this turn, with their lengths: a burst leaves in one write. */
  #replies: Buffer[] = []
  #inService = false
  #timer: NodeJS.Timeout | null = null
  #answers = 0
  /** Serves no more: it has given its answers. */
  #ended = false
  /** The client sends no more; what it has sent is answered still. */
  #halfClosed = false

  constructor(socket: Socket, options: SerialOptions) {
    this.#socket = socket
    this.#options = options
    socket.setNoDelay(true)
    socket.setTimeout(options.firstMs)
    socket.on('timeout', () => {
      // Whoever waits for an answer is not idle.
      if (!this.#inService) socket.destroy()
    })
    socket.on('data', (chunk: Buffer) => this.#received(chunk))
    socket.on('end', () => {
      this.#halfClosed = true
      if (!this.#inService) socket.end()
    })
    socket.on('error', () => {})
    socket.on('close', () => this.#release())
  }

  destroy(): void {
    this.#socket.destroy()
  }

  #received(chunk: Buffer): void {
    this.#unread = this.#unread.length === 0 ? chunk : Buffer.concat([this.#unread, chunk])
    if (!this.#inService) this.#serve()
  }

  /** Takes one query after the other until one is in service, or no whole one is left. */
  #serve(): void {
    const { serviceMs, taken } = this.#options
    for (let query = this.#next(); query !== null; query = this.#next()) {
      taken(query)
      const ms = serviceMs(query)
      if (ms > 0) {
        this.#begin()
        const asked = query
        this.#timer = setTimeout(() => {
          if (this.#answered(asked)) this.#finish()
        }, ms)
      } else this.#answered(query)
      if (this.#inService) break
    }
    this.#flush()
    if (this.#inService || this.#ended) return
    if (this.#halfClosed) this.#socket.end()
    else if (this.#socket.isPaused()) this.#socket.resume()
  }

  /** Whether a query could be answered at once; else its service begins or goes on. */
  #answered(query: Buffer): boolean {
    const reply = this.#options.answer(query, 'tcp')
    if (!(reply instanceof Promise)) {
      this.#reply(reply)
      return true
    }
    this.#begin()
    void reply.then((late) => {
      this.#reply(late)
      this.#finish()
    })
    return false
  }

  /** What comes while a query is in service waits in the kernel: there may be no end of it. */
  #begin(): void {
    this.#socket.pause()
    this.#inService = true
  }

  #finish(): void {
    this.#inService = false
    this.#serve()
  }

  /** The next whole query, taken out of what was received; null where there is none. */
  #next(): Buffer | null {
    const unread = this.#unread
    if (this.#ended || unread.length < LENGTH_SIZE) return null
    const end = LENGTH_SIZE + unread.readUInt16BE(0)
    if (unread.length < end) return null
    this.#unread = unread.length === end ? EMPTY : unread.subarray(end)
    return unread.subarray(LENGTH_SIZE, end)
  }

  #reply(message: Buffer | null): void {
    if (this.#socket.destroyed) return
    if (message !== null) {
      this.#replies.push(framed(message))
      this.#options.answered()
    }
    this.#answers++
    this.#ended ||= this.#answers === this.#options.closeAfter
  }

  #flush(): void {
    if (this.#replies.length > 0) {
      const replies = Buffer.concat(this.#replies)
      this.#replies = []
      this.#socket.setTimeout(this.#options.idleMs)
      this.#socket.write(replies, () => {
        if (this.#ended) this.#close()
      })
    } else if (this.#ended) this.#close()
  }

  #close(): void {
    if (this.#unread.length > 0) this.#socket.resetAndDestroy()
    else this.#socket.destroy()
  }

  #release(): void {
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#ended = true
    this.#unread = EMPTY
  }
}
