import { createSocket } from 'node:dgram'
import { connect } from 'node:net'
import type { Endpoint } from '../lib/address.ts'
import { Flag } from '../wire/codes.ts'
import { framed, LENGTH_SIZE } from '../wire/frame.ts'
import { HEADER_SIZE, readFlags, readId } from '../wire/header.ts'
import { bindOptions, connectOptions } from './address.ts'
import { Transport } from './counters.ts'
import { Http2Connection } from './http2.ts'
import type { Secure } from './secure.ts'

/** Where `ask` asks: an IP address, never a wildcard. */
export interface Destination extends Endpoint {
  readonly protocol: 'udp' | 'tcp'
  /**
   * Address to ask from; null, or one of another family: the system's choice; absent: `host`, so that
   * the query never leaves this machine. Where that is not one of its addresses (yet), see `isAbsent`.
   */
  readonly from?: string | null
  /** Over what a stream goes, which knows the address and `from`; null or absent: TCP as it is. */
  readonly secure?: Secure | null
}

export interface AskOptions {
  /** Milliseconds until the answer has to be there. */
  readonly timeoutMs: number
  /** Milliseconds that connecting may take, before `timeoutMs` begin; absent: `timeoutMs` are for both. */
  readonly dialMs?: number
  readonly signal?: AbortSignal
  /** Whether a message with the id of the query is the answer; default: any reply is. */
  readonly isAnswer?: (message: Buffer) => boolean
}

/** The time to wait is counted in this many parts, in each of which the event loop has to turn. */
const PARTS = 4

interface Progress {
  /** The query has been sent. */
  readonly asked: () => void
  readonly got: (message: Buffer) => void
  readonly failed: (error: Error) => void
  readonly isAnswer: (message: Buffer) => boolean
}

/**
 * Asks a server, over a socket of its own, and resolves with the reply, whatever it says. Over UDP other
 * messages are passed over, over TCP the first one has to be it. Rejects where the socket fails, where
 * `signal` aborts, and where no reply comes in time. That is time in which the event loop ran: while the
 * process is stopped or throttled, nothing can be said about the server.
 */
export function ask(to: Destination, query: Buffer, options: AskOptions): Promise<Buffer> {
  const { dialMs, isAnswer = isReply, signal, timeoutMs } = options
  return new Promise((resolve, reject) => {
    let timer: NodeJS.Timeout | undefined
    let settled = false
    const settle = (): boolean => {
      // A socket that is being closed may still fail; nobody waits for it any more.
      if (settled) return false
      settled = true
      clearInterval(timer)
      signal?.removeEventListener('abort', abort)
      close()
      return true
    }
    const failed = (error: Error): void => void (settle() && reject(error))
    const abort = (): void => failed(new Error('Cannot ask: called off'))
    const wait = (ms: number): void => {
      let parts = 0
      clearInterval(timer)
      timer = setInterval(() => {
        if (++parts === PARTS) failed(new Error('Cannot ask: no answer in time'))
      }, ms / PARTS)
    }
    wait(dialMs ?? timeoutMs)
    signal?.addEventListener('abort', abort)
    const close = openerFor(to)(to, query, {
      asked: () => void (dialMs !== undefined && !settled && wait(timeoutMs)),
      got: (message) => void (settle() && resolve(message)),
      failed,
      isAnswer: (message) =>
        message.length >= HEADER_SIZE && readId(message) === readId(query) && isAnswer(message),
    })
    if (signal?.aborted === true) abort()
  })
}

function isReply(message: Buffer): boolean {
  return (readFlags(message) & Flag.QR) !== 0
}

/** Whether `ask` rejected because this machine has no such address: bound early, or taken away. */
export function isAbsent(error: unknown): boolean {
  return (error as NodeJS.ErrnoException | null)?.code === 'EADDRNOTAVAIL'
}

/** An address at which a client of this machine finds what listens on `host`. */
export function reachable(host: string): string {
  if (host === '' || host === '0.0.0.0') return '127.0.0.1'
  return host === '::' ? '::1' : host
}

function openerFor({ protocol, secure = null }: Destination): typeof openUdp {
  if (protocol === 'udp') return openUdp
  return secure?.transport === Transport.Https ? openHttps : openTcp
}

function openHttps({ secure }: Destination, query: Buffer, progress: Progress): () => void {
  const connection = new Http2Connection(secure!, {
    ready() {
      progress.asked()
      connection.ask(query, {
        replied(message) {
          if (progress.isAnswer(message)) progress.got(message)
          else progress.failed(new Error('Cannot ask: the answer belongs to another question'))
        },
        failed: (code) => progress.failed(new Error(`Cannot ask: ${code ?? 'the stream ended'}`)),
      })
    },
    ended: (code) => progress.failed(new Error(`Cannot ask: ${code ?? 'the connection closed'}`)),
  })
  return () => connection.destroy()
}

function openUdp(to: Destination, query: Buffer, progress: Progress): () => void {
  const { from = to.host, host, port } = to
  const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4')
  socket.on('error', progress.failed)
  socket.on('message', (message) => {
    if (progress.isAnswer(message)) progress.got(message)
  })
  const send = (): void => {
    socket.send(query)
    progress.asked()
  }
  // Connected, so that a closed port is an error at once and nobody else can answer.
  const join = (): void => socket.connect(port, host)
  socket.once('connect', send)
  socket.once('listening', join)
  socket.bind(bindOptions(host, from))
  return () => {
    // Its own listeners alone: a socket that is still connecting needs Node's to close.
    socket.off('connect', send)
    socket.off('listening', join)
    socket.close()
  }
}

function openTcp(to: Destination, query: Buffer, progress: Progress): () => void {
  const { from = to.host, secure = null } = to
  const socket = secure === null ? connect(connectOptions(to, from)) : secure.connect(null)
  let received = Buffer.alloc(0)
  socket.on('error', progress.failed)
  socket.on('close', () => progress.failed(new Error('Cannot ask: the connection closed')))
  socket.on('data', (chunk) => {
    received = Buffer.concat([received, chunk])
    if (received.length < LENGTH_SIZE) return
    const end = LENGTH_SIZE + received.readUInt16BE(0)
    if (received.length < end) return
    const message = received.subarray(LENGTH_SIZE, end)
    if (progress.isAnswer(message)) progress.got(message)
    else progress.failed(new Error('Cannot ask: the answer belongs to another question'))
  })
  socket.once(secure === null ? 'connect' : 'secureConnect', progress.asked)
  socket.write(framed(query))
  return () => void socket.destroy()
}
