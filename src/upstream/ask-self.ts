import type { Endpoint } from '../lib/address.ts'
import type { Libc } from '../sys/libc.ts'
import { ProbeSocket } from '../sys/probe-socket.ts'
import { Flag } from '../wire/codes.ts'
import { framed, LENGTH_SIZE } from '../wire/frame.ts'
import { HEADER_SIZE, readFlags, readId } from '../wire/header.ts'

/** Turns of the event loop in which our own answer comes: one over UDP, four over TCP. */
const TURNS = 8
/** What is late, on a machine that is busy, is looked for as seldom and as often: a second in all. */
const LOOK_MS = 50
const LOOKS = 20
/** Octets of an answer that are looked at; what we ask ourselves is answered with a header. */
const ANSWER_SIZE = 512

/** One for all: what it holds is used before the next read. */
const datagram: Buffer = Buffer.allocUnsafeSlow(ANSWER_SIZE)

const underWay = new Set<Asked>()
let turns = 0
let isLooking = false
let late: NodeJS.Timeout | null = null

/** Where `askSelf` asks: an address of this machine, and what listens there is ours. */
export interface OwnSocket extends Endpoint {
  readonly protocol: 'udp' | 'tcp'
}

/**
 * As `ask()`, of a socket of this very process, at a hundredth of its price: without Node's sockets,
 * without a timer, and the event loop is not woken up for it. Rejects after a second in which the event
 * loop has turned.
 */
export function askSelf(libc: Libc, to: OwnSocket, query: Buffer): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    new Asked(to.protocol === 'tcp', query, resolve, reject).begin(libc, to)
    turns = 0
    if (isLooking) return
    isLooking = true
    setImmediate(look)
  })
}

function look(): void {
  isLooking = false
  for (const one of underWay) one.advance()
  if (underWay.size === 0) return
  if (++turns < TURNS) {
    isLooking = true
    setImmediate(look)
  } else late ??= setInterval(lookAgain, LOOK_MS)
}

function lookAgain(): void {
  for (const one of underWay) one.lookLate()
  if (underWay.size > 0) return
  clearInterval(late!)
  late = null
}

/** A question to ourselves, until it is answered. */
class Asked {
  readonly #id: number
  readonly #resolve: (message: Buffer) => void
  readonly #reject: (error: Error) => void
  /** Null where it could not be opened, and once it is closed. */
  #socket: ProbeSocket | null = null
  /** What has come over TCP; null over UDP. */
  readonly #stream: Buffer | null
  #received = 0
  /** Null once it is sent. */
  #unsent: Buffer | null
  #looks = 0

  constructor(
    isStream: boolean,
    query: Buffer,
    resolve: (message: Buffer) => void,
    reject: (error: Error) => void,
  ) {
    this.#id = readId(query)
    this.#resolve = resolve
    this.#reject = reject
    this.#stream = isStream ? Buffer.alloc(ANSWER_SIZE) : null
    this.#unsent = isStream ? framed(query) : query
  }

  /** Sends the question, where that can be done at once. */
  begin(libc: Libc, { host, port }: OwnSocket): void {
    underWay.add(this)
    this.#try(() => {
      this.#socket = new ProbeSocket(libc, this.#stream !== null, host, port)
      this.#send(this.#socket)
    })
  }

  /** Sends what could not be sent so far, and takes the answer where it is there. */
  advance(): void {
    this.#try(() => {
      const socket = this.#socket
      if (socket !== null && this.#send(socket)) this.#receive(socket)
    })
  }

  /** The same, some time later: this often at most. */
  lookLate(): void {
    this.advance()
    if (underWay.has(this) && ++this.#looks === LOOKS)
      this.#fail(new Error('Cannot ask: no answer in time'))
  }

  #send(socket: ProbeSocket): boolean {
    if (this.#unsent !== null && socket.send(this.#unsent)) this.#unsent = null
    return this.#unsent === null
  }

  #receive(socket: ProbeSocket): void {
    if (this.#stream !== null) return this.#receiveStream(socket, this.#stream)
    for (let length: number; (length = socket.receive(datagram)) >= 0;) {
      if (this.#isAnswer(datagram, length)) return this.#end(datagram.subarray(0, length))
    }
  }

  /** The first message has to be it. */
  #receiveStream(socket: ProbeSocket, stream: Buffer): void {
    const length = socket.receive(stream.subarray(this.#received))
    if (length === 0) return this.#fail(new Error('Cannot ask: the connection closed'))
    if (length < 0) return
    this.#received += length
    if (this.#received < LENGTH_SIZE) return
    const message = stream.subarray(LENGTH_SIZE, LENGTH_SIZE + stream.readUInt16BE(0))
    if (this.#received < LENGTH_SIZE + message.length) return
    if (this.#isAnswer(message, message.length)) this.#end(message)
    else this.#fail(new Error('Cannot ask: the answer belongs to another question'))
  }

  #isAnswer(message: Buffer, length: number): boolean {
    if (length < HEADER_SIZE || readId(message) !== this.#id) return false
    return (readFlags(message) & Flag.QR) !== 0
  }

  #end(message: Buffer): void {
    this.#close()
    this.#resolve(Buffer.from(message))
  }

  #fail(cause: Error): void {
    this.#close()
    this.#reject(cause)
  }

  #close(): void {
    underWay.delete(this)
    this.#socket?.close()
    this.#socket = null
  }

  #try(what: () => void): void {
    try {
      what()
    } catch (cause) {
      this.#fail(cause as Error)
    }
  }
}
