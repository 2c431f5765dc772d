import { randomInt } from 'node:crypto'
import { createSocket } from 'node:dgram'
import { connect, isIPv6 } from 'node:net'
import { Class, Flag, Rcode, rcodeName, Type } from '../wire/codes.ts'
import {
  HEADER_SIZE,
  readCount,
  readFlags,
  readId,
  rcodeOf,
  Section,
  writeCount,
  writeFlags,
  writeId,
} from '../wire/header.ts'
import { MAX_NAME, textToName } from '../wire/name.ts'

export interface DnsAddress {
  readonly host: string
  readonly port: number
}

/** What a client that has not been answered by then would call a failure. */
const PATIENCE_MS = 2_000

/**
 * Asks an address for the A records of `name`, like any client. Resolves to null where there are some,
 * else to what came instead (`SERVFAIL`, `no answer within 2 s`). Never rejects.
 *
 * @param name a domain name, at most 255 octets
 */
export function askAddress(
  transport: 'UDP' | 'TCP',
  at: DnsAddress,
  name: string,
): Promise<string | null> {
  const query = queryFor(name)
  return new Promise((resolve) => {
    let finished = false
    const finish = (problem: string | null): void => {
      // A socket that is being closed may still fail; nobody waits for it any more.
      if (finished) return
      finished = true
      clearTimeout(timer)
      close()
      resolve(problem)
    }
    const late = `no answer within ${PATIENCE_MS / 1000} s`
    const timer = setTimeout(() => finish(late), PATIENCE_MS)
    const open = transport === 'UDP' ? openUdp : openTcp
    const close = open(at, query, finish)
  })
}

function queryFor(name: string): Buffer {
  const query = Buffer.alloc(HEADER_SIZE + MAX_NAME + 4)
  const end = textToName(name, query, HEADER_SIZE)
  writeId(query, randomInt(0x10000))
  writeFlags(query, Flag.RD)
  writeCount(query, Section.Question, 1)
  query.writeUInt16BE(Type.A, end)
  query.writeUInt16BE(Class.IN, end + 2)
  return query.subarray(0, end + 4)
}

/** Null where `reply` has records for `query`; undefined where it belongs to another question. */
function problemOf(reply: Buffer, query: Buffer): string | null | undefined {
  const isOurs = readId(reply) === readId(query) && (readFlags(reply) & Flag.QR) !== 0
  if (!isOurs) return undefined
  const rcode = rcodeOf(readFlags(reply))
  if (rcode !== Rcode.NoError) return rcodeName(rcode)
  return readCount(reply, Section.Answer) > 0 ? null : 'no record'
}

type Finish = (problem: string | null) => void

function openUdp({ host, port }: DnsAddress, query: Buffer, finish: Finish): () => void {
  const socket = createSocket(isIPv6(host) ? 'udp6' : 'udp4')
  socket.on('error', ({ message }) => finish(message))
  socket.on('message', (message) => {
    const problem = message.length < HEADER_SIZE ? undefined : problemOf(message, query)
    if (problem !== undefined) finish(problem)
  })
  const send = (): void => socket.send(query)
  // Connected, so that a closed port is told at once and nobody else can answer.
  socket.once('connect', send)
  socket.connect(port, host)
  return () => {
    socket.off('connect', send)
    socket.close()
  }
}

function openTcp({ host, port }: DnsAddress, query: Buffer, finish: Finish): () => void {
  const socket = connect({ host, port })
  let received = Buffer.alloc(0)
  socket.on('error', ({ message }) => finish(message))
  socket.on('end', () => finish('the connection was closed'))
  socket.on('data', (chunk) => {
    received = Buffer.concat([received, chunk])
    // A length, then the message, whose header is all that matters (RFC 1035 §4.2.2).
    if (received.length < 2 + HEADER_SIZE) return
    const problem = problemOf(received.subarray(2), query)
    finish(problem === undefined ? 'an answer to another question' : problem)
  })
  const frame = Buffer.alloc(2 + query.length)
  frame.writeUInt16BE(query.length)
  query.copy(frame, 2)
  socket.write(frame)
  return () => void socket.removeAllListeners('end').destroy()
}
