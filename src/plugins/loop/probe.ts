import { createSocket } from 'node:dgram'
import { connect, isIPv6 } from 'node:net'
import { Flag } from '../../wire/codes.ts'
import { HEADER_SIZE, readFlags, readId } from '../../wire/header.ts'

/** Where a probe goes to: one listener over one protocol. */
export interface Target {
  readonly protocol: 'udp' | 'tcp'
  /** An address a client can send to: never a wildcard. */
  readonly host: string
  readonly port: number
  /** The listener as the Corefile has it, e.g. `:53`; for the message about a loop. */
  readonly listener: string
}

type Settle = (error?: Error) => void

/**
 * Sends `query` and resolves with its answer's arrival, whatever it says. Rejects where there is none
 * within `timeoutMs`, where the socket fails, and when `signal` aborts.
 */
export function ask(
  target: Target,
  query: Buffer,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const open = target.protocol === 'udp' ? openUdp : openTcp
    let settled = false
    const settle: Settle = (error) => {
      // A socket that is being closed may still fail; nobody waits for it any more.
      if (settled) return
      settled = true
      clearTimeout(timer)
      signal.removeEventListener('abort', abort)
      close()
      if (error === undefined) resolve()
      else reject(error)
    }
    const abort = (): void => settle(new Error('Cannot ask: the detection has ended'))
    const timer = setTimeout(() => settle(new Error('Cannot ask: no answer in time')), timeoutMs)
    signal.addEventListener('abort', abort)
    const close = open(target, query, settle)
  })
}

function openUdp({ host, port }: Target, query: Buffer, settle: Settle): () => void {
  const socket = createSocket(isIPv6(host) ? 'udp6' : 'udp4')
  socket.on('error', settle)
  socket.on('message', (message) => {
    if (answers(message, query)) settle()
  })
  const send = (): void => socket.send(query)
  // Connected, so that a closed port is an error at once and nobody else can answer.
  socket.once('connect', send)
  socket.connect(port, host)
  return () => {
    // Its own listeners alone: a socket that is still connecting needs Node's to close.
    socket.off('connect', send)
    socket.close()
  }
}

function openTcp({ host, port }: Target, query: Buffer, settle: Settle): () => void {
  const socket = connect({ host, port })
  let received = Buffer.alloc(0)
  socket.on('error', settle)
  socket.on('close', () => settle(new Error('Cannot ask: the connection closed')))
  socket.on('data', (chunk) => {
    received = Buffer.concat([received, chunk])
    // A length, then the message; its header is all that matters here (RFC 1035 §4.2.2).
    if (received.length < 2 + HEADER_SIZE) return
    if (answers(received.subarray(2), query)) settle()
    else settle(new Error('Cannot ask: the answer belongs to another question'))
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
