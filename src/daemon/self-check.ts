import { randomInt } from 'node:crypto'
import { createSocket } from 'node:dgram'
import { connect } from 'node:net'
import type { Query } from '../serve/query.ts'
import { joinHostPort } from './identity.ts'

/** A listener that has not answered by then serves nobody. */
const PATIENCE_MS = 1000

/**
 * A query that the server answers by itself, with NOTIMP and without any plugin or upstream: opcode
 * STATUS, no question. It proves sockets, event loop and dispatch alive, and nothing else. Its id is
 * the process's own, so that metrics can leave it out.
 */
const probe = Buffer.from('000010000000000000000000', 'hex')
probe.writeUInt16BE(randomInt(0x10000), 0)
const NOTIMP = 4

/** Whether a query that no block took is the daemon's own, which no client has sent. */
export function isSelfCheck(q: Query): boolean {
  return q.length === probe.length && probe.equals(q.wire.subarray(0, probe.length))
}

export interface ListeningAddress {
  /** '' is every local address. */
  readonly host: string
  readonly port: number
}

/**
 * Asks every listener over UDP and TCP, as a client would. Resolves to null, or to what is wrong:
 * `dns://127.0.0.1:53 does not answer over UDP`. Never rejects.
 */
export async function checkListeners(
  listeners: readonly ListeningAddress[],
): Promise<string | null> {
  if (listeners.length === 0) return 'no listener is open'
  const problems = await Promise.all(
    listeners.flatMap((at) => [problemOf(at, 'UDP', askUdp), problemOf(at, 'TCP', askTcp)]),
  )
  return problems.find((problem) => problem !== null) ?? null
}

type Ask = (host: string, port: number, done: (reply: Buffer | null) => void) => () => void

function problemOf(at: ListeningAddress, transport: string, ask: Ask): Promise<string | null> {
  const host = at.host === '' ? '127.0.0.1' : at.host
  return new Promise((resolve) => {
    const finish = (reply: Buffer | null): void => {
      clearTimeout(timer)
      close()
      const name = `dns://${joinHostPort(at.host, at.port)}`
      resolve(isAnswer(reply) ? null : `${name} does not answer over ${transport}`)
    }
    const timer = setTimeout(() => finish(null), PATIENCE_MS)
    const close = ask(host, at.port, finish)
  })
}

function isAnswer(reply: Buffer | null): boolean {
  return (
    reply !== null &&
    reply.length >= 12 &&
    reply.readUInt16BE(0) === probe.readUInt16BE(0) &&
    (reply[3]! & 0x0f) === NOTIMP
  )
}

function askUdp(host: string, port: number, done: (reply: Buffer | null) => void): () => void {
  const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4')
  socket.on('error', () => done(null))
  socket.on('message', (message) => done(message))
  socket.send(probe, port, host)
  return () => socket.removeAllListeners('message').close()
}

function askTcp(host: string, port: number, done: (reply: Buffer | null) => void): () => void {
  const socket = connect({ host, port, noDelay: true })
  let received = Buffer.alloc(0)
  socket.on('error', () => done(null))
  socket.on('data', (chunk) => {
    received = Buffer.concat([received, chunk])
    if (received.length >= 2 + 12) done(received.subarray(2))
  })
  socket.on('end', () => done(null))
  socket.write(Buffer.concat([Buffer.from([0, probe.length]), probe]))
  return () => socket.removeAllListeners('data').removeAllListeners('end').destroy()
}
