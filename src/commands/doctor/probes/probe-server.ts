import { connect } from 'node:net'
import { type Endpoint, joinHostPort } from '../../../lib/address.ts'
import { printable } from '../../../lib/printable.ts'
import { connectOptions } from '../../../upstream/address.ts'
import { ask } from '../../../upstream/ask.ts'
import { random16 } from '../../../upstream/random.ts'
import { Flag, rcodeName, Type } from '../../../wire/codes.ts'
import { OPT_SIZE, writeOpt } from '../../../wire/edns.ts'
import { rcodeOf, readCount, readFlags, Section } from '../../../wire/header.ts'
import { makeQuery } from '../../../wire/query.ts'
import { parseQuestion, Question as WireQuestion } from '../../../wire/question.ts'
import { Records, scanRecords } from '../../../wire/records.ts'
import { WireStatus } from '../../../wire/status.ts'
import type { Outcome, ServerProbe } from '../facts.ts'

/** Milliseconds that an answer may take, over TCP with its handshake. */
export const PATIENCE_MS = 1_500
/** What we take over UDP: what dnslet itself asks for. */
const UDP_SIZE = 1_232

/** What is asked: a name and a type, with or without RD. */
export interface Asked {
  readonly name: string
  readonly type: number
  readonly recurse: boolean
}

/** The name servers of the root, which any server has something to say about. */
export const rootServers: Asked = { name: '.', type: Type.NS, recurse: false }

/** Asks a server over UDP and over TCP, at the same time, one query each. Never rejects. */
export async function probeServer(server: Endpoint, asked: Asked): Promise<ServerProbe> {
  const [udp, tcp] = await Promise.all([
    askOnce(server, 'udp', asked),
    askOnce(server, 'tcp', asked),
  ])
  return { server: joinHostPort(server.host, server.port), udp, tcp }
}

/** One query, over a socket of its own. Never rejects. */
export async function askOnce(
  { host, port }: Endpoint,
  protocol: 'udp' | 'tcp',
  asked: Asked,
): Promise<Outcome> {
  const query = makeEdnsQuery(asked)
  const begin = performance.now()
  try {
    const to = { protocol, host, port, from: null }
    return readReply(await ask(to, query, { timeoutMs: PATIENCE_MS }), elapsedSince(begin))
  } catch (error) {
    return failureOf(error, elapsedSince(begin))
  }
}

/** Whether somebody takes connections there; sends nothing. Never rejects. */
export function tryConnection(at: Endpoint): Promise<Outcome> {
  const begin = performance.now()
  return new Promise((resolve) => {
    const socket = connect(connectOptions(at, null))
    const end = (outcome: (ms: number) => Outcome): void => {
      clearTimeout(timer)
      socket.destroy()
      resolve(outcome(elapsedSince(begin)))
    }
    const late = new Error('Cannot ask: no answer in time')
    const timer = setTimeout(() => end((ms) => failureOf(late, ms)), PATIENCE_MS)
    socket.once('connect', () => end((ms) => ({ kind: 'connected', ms })))
    socket.once('error', (error) => end((ms) => failureOf(error, ms)))
  })
}

function elapsedSince(begin: number): number {
  return Math.round(10 * (performance.now() - begin)) / 10
}

/** A query with OPT, as a client that knows EDNS sends it. @throws RangeError where the name is none */
export function makeEdnsQuery({ name, type, recurse }: Asked): Buffer {
  const plain = makeQuery(random16(), recurse ? Flag.RD : 0, name, type)
  if (plain === null) throw new RangeError(`Cannot ask for "${name}": it is no domain name`)
  const query = Buffer.alloc(plain.length + OPT_SIZE)
  plain.copy(query)
  writeOpt(query, plain.length, UDP_SIZE, 0, false)
  return query
}

function readReply(reply: Buffer, ms: number): Outcome {
  const flags = readFlags(reply)
  const question = new WireQuestion()
  const records = new Records()
  const isSound =
    parseQuestion(reply, reply.length, question) === WireStatus.Ok &&
    scanRecords(reply, reply.length, question, records) === WireStatus.Ok
  return {
    kind: 'reply',
    ms,
    rcode: rcodeName(rcodeOf(flags)),
    answers: readCount(reply, Section.Answer),
    octets: reply.length,
    truncated: (flags & Flag.TC) !== 0,
    edns: isSound && records.optAt >= 0,
  }
}

type Failure = Extract<Outcome, { kind: 'failure' }>

const failures: Readonly<Record<string, readonly [Failure['how'], string]>> = {
  ECONNREFUSED: ['refused', 'refused (a reset, or ICMP port unreachable)'],
  EHOSTUNREACH: ['prohibited', 'host unreachable (ICMP, or nobody answers ARP)'],
  ENETUNREACH: ['absent', 'no route there'],
  EADDRNOTAVAIL: ['absent', 'no such address here'],
  EINVAL: ['absent', 'no way there'],
  EPERM: ['forbidden', 'forbidden by a filter of this machine (EPERM)'],
  EACCES: ['forbidden', 'forbidden by a filter of this machine (EACCES)'],
  ETIMEDOUT: ['timeout', 'no answer, the kernel gave up'],
  ECONNRESET: ['closed', 'the connection was reset'],
  EPIPE: ['closed', 'the connection was closed'],
}

/** What a socket's error says of the way to a server. */
export function failureOf(error: unknown, ms: number): Failure {
  const { code = '', message } = error as NodeJS.ErrnoException
  const [how, text] = failures[code] ?? []
  if (how !== undefined && text !== undefined) return { kind: 'failure', ms, how, text }
  if (message.includes('no answer in time')) {
    return { kind: 'failure', ms, how: 'timeout', text: `no answer within ${PATIENCE_MS / 1000} s` }
  }
  if (message.includes('closed')) {
    return { kind: 'failure', ms, how: 'closed', text: 'the connection was closed' }
  }
  return { kind: 'failure', ms, how: 'odd', text: printable(code || message) }
}
