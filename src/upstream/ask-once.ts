import { createSocket } from 'node:dgram'
import { connect } from 'node:net'
import { Class, Flag } from '../wire/codes.ts'
import {
  HEADER_SIZE,
  readFlags,
  readId,
  Section,
  writeCount,
  writeFlags,
  writeId,
} from '../wire/header.ts'
import { MAX_NAME, textToName } from '../wire/name.ts'

/** A listener of this machine, over one protocol. */
export interface OwnAddress {
  readonly protocol: 'udp' | 'tcp'
  /** An IP address, never a wildcard. */
  readonly host: string
  readonly port: number
}

/** Where `askOnce` asks. */
interface Destination extends OwnAddress {
  /** Address to ask from; null: the system's choice; absent: `host`. */
  readonly from?: string | null
}

/** The time to wait is counted in this many parts, in each of which the event loop has to turn. */
const PARTS = 4

type Settle = (outcome: Buffer | Error) => void

/**
 * Asks a server, over a socket of its own, and resolves with the reply, whatever it says: as much of it as has
 * come, its header at least. Rejects where the socket fails, where `signal` aborts, and where no reply comes in
 * `timeoutMs`. That is time in which the event loop ran: while the process is stopped or throttled,
 * nothing can be said about the listener.
 *
 * Unless told otherwise, the query leaves from the address it goes to, so that it never leaves the
 * machine. Where that address is not (yet) one of this machine's, see `isAbsent`.
 */
export function askOnce(
  to: Destination,
  query: Buffer,
  timeoutMs: number,
  signal?: AbortSignal,
): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const open = to.protocol === 'udp' ? openUdp : openTcp
    let settled = false
    const settle: Settle = (outcome) => {
      // A socket that is being closed may still fail; nobody waits for it any more.
      if (settled) return
      settled = true
      clearInterval(timer)
      signal?.removeEventListener('abort', abort)
      close()
      if (outcome instanceof Error) reject(outcome)
      else resolve(outcome)
    }
    const abort = (): void => settle(new Error('Cannot ask: called off'))
    let parts = 0
    const timer = setInterval(() => {
      if (++parts === PARTS) settle(new Error('Cannot ask: no answer in time'))
    }, timeoutMs / PARTS)
    signal?.addEventListener('abort', abort)
    const close = open(to, query, settle)
  })
}

/** Whether `askOnce` rejected because this machine has no such address: bound early, or taken away. */
export function isAbsent(error: unknown): boolean {
  return (error as NodeJS.ErrnoException | null)?.code === 'EADDRNOTAVAIL'
}

/** An address at which a client of this machine finds what listens on `host`. */
export function reachable(host: string): string {
  if (host === '' || host === '0.0.0.0') return '127.0.0.1'
  return host === '::' ? '::1' : host
}

/**
 * A query with RD and without EDNS, or null where the name does not fit into a message.
 *
 * @param name absolute, in presentation format
 */
export function simpleQuery(id: number, name: string, type: number): Buffer | null {
  const query = Buffer.alloc(HEADER_SIZE + MAX_NAME + 4)
  const end = textToName(name, query, HEADER_SIZE)
  if (end < 0) return null
  writeId(query, id)
  writeFlags(query, Flag.RD)
  writeCount(query, Section.Question, 1)
  query.writeUInt16BE(type, end)
  query.writeUInt16BE(Class.IN, end + 2)
  return query.subarray(0, end + 4)
}

function openUdp(
  { host, port, from = host }: Destination,
  query: Buffer,
  settle: Settle,
): () => void {
  const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4')
  socket.on('error', settle)
  socket.on('message', (message) => {
    if (answers(message, query)) settle(message)
  })
  const send = (): void => socket.send(query)
  // Connected, so that a closed port is an error at once and nobody else can answer.
  const join = (): void => socket.connect(port, host)
  socket.once('connect', send)
  socket.once('listening', join)
  socket.bind({ exclusive: true, ...(from === null ? {} : { address: from }) })
  return () => {
    // Its own listeners alone: a socket that is still connecting needs Node's to close.
    socket.off('connect', send)
    socket.off('listening', join)
    socket.close()
  }
}

function openTcp(
  { host, port, from = host }: Destination,
  query: Buffer,
  settle: Settle,
): () => void {
  const socket = connect({
    host,
    port,
    noDelay: true,
    ...(from === null ? {} : { localAddress: from }),
  })
  let received = Buffer.alloc(0)
  socket.on('error', settle)
  socket.on('close', () => settle(new Error('Cannot ask: the connection closed')))
  socket.on('data', (chunk) => {
    received = Buffer.concat([received, chunk])
    // A length, then the message; its header is all that matters here (RFC 1035 §4.2.2).
    if (received.length < 2 + HEADER_SIZE) return
    const message = received.subarray(2)
    const other = new Error('Cannot ask: the answer belongs to another question')
    settle(answers(message, query) ? message : other)
  })
  const frame = Buffer.alloc(2 + query.length)
  frame.writeUInt16BE(query.length)
  query.copy(frame, 2)
  socket.write(frame)
  return () => void socket.destroy()
}

function answers(message: Buffer, query: Buffer): boolean {
  return (
    message.length >= HEADER_SIZE &&
    (readFlags(message) & Flag.QR) !== 0 &&
    readId(message) === readId(query)
  )
}
