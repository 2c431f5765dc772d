import { createSocket } from 'node:dgram'
import { connect } from 'node:net'
import { markCut } from '../wire/cut.ts'
import { Class, Flag, Type } from '../wire/codes.ts'
import {
  HEADER_SIZE,
  readFlags,
  readId,
  Section,
  writeCount,
  writeFlags,
  writeId,
} from '../wire/header.ts'
import { textToName } from '../wire/name.ts'
import { parseQuestion, Question } from '../wire/question.ts'
import { Records, scanRecords } from '../wire/records.ts'
import { WireStatus } from '../wire/status.ts'
import { type Endpoint, sourceFor } from '../lib/address.ts'
import { Transport } from './counters.ts'
import { LENGTH_SIZE } from './query-writer.ts'
import { random16 } from './random.ts'
import { judgeReply, Verdict } from './reply-check.ts'

/** What a health check asks. */
export interface ProbeOptions {
  readonly endpoint: Endpoint
  readonly source: string | null
  /** Name whose NS records are asked for, presentation format. */
  readonly domain: string
  readonly recursionDesired: boolean
}

/** CoreDNS's: 2 s for the dial, 1 s for the answer. */
const DIAL_MS = 2000
const READ_MS = 1000

/** Told once: whether a sound reply answered the probe, whatever its rcode. */
export type ProbeDone = (alive: boolean) => void

/** What a message says about the upstream. */
const Sign = {
  /** Another one's, or stray: the right one may still come. */
  None: 0,
  Alive: 1,
  /** An answer to the probe that nobody could use. */
  Broken: 2,
  /** A datagram that ends too early: as with queries, the answer is what comes over TCP. */
  Cut: 3,
} as const
type Sign = (typeof Sign)[keyof typeof Sign]

/** Made by the first answer: 50 kB, and most upstreams are never probed. */
let records: Records | null = null

/**
 * Asks an upstream a harmless question on a fresh socket; any sound reply to it is a good sign, also
 * one with an error or without records. The result ends the probe without telling.
 */
export function probe(options: ProbeOptions, transport: Transport, done: ProbeDone): () => void {
  const query = probeQuery(options)
  let close: () => void = () => {}
  let timer: NodeJS.Timeout | undefined
  let over = false
  const end = (alive: boolean | null): void => {
    if (over) return
    over = true
    clearTimeout(timer)
    close()
    if (alive !== null) done(alive)
  }
  const wait = (ms: number): void => {
    clearTimeout(timer)
    timer = setTimeout(() => end(false), ms)
    timer.unref()
  }
  const ask = (by: Transport): void => {
    wait(DIAL_MS)
    close = (by === Transport.Tcp ? openTcp : openUdp)(options, query, progress)
    // It may have failed on the spot.
    if (over) close()
  }
  const progress: Progress = {
    asked: () => wait(READ_MS),
    got: (sign) => {
      if (over || sign === Sign.None) return
      if (sign !== Sign.Cut) return end(sign === Sign.Alive)
      close()
      ask(Transport.Tcp)
    },
  }
  ask(transport)
  return () => end(null)
}

interface Progress {
  asked(): void
  /** A message, or the end of the connection. */
  got(sign: Sign): void
}

function openUdp({ endpoint, source }: ProbeOptions, query: Buffer, p: Progress): () => void {
  const { host, port } = endpoint
  const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4')
  socket.on('error', () => p.got(Sign.Broken))
  socket.on('message', (message) => p.got(judge(message, query, Transport.Udp)))
  socket.once('connect', () => {
    socket.send(query)
    p.asked()
  })
  socket.once('listening', () => socket.connect(port, host))
  const address = sourceFor(host, source)
  socket.bind({ port: 0, exclusive: true, ...(address === undefined ? {} : { address }) })
  return () => socket.close()
}

function openTcp({ endpoint, source }: ProbeOptions, query: Buffer, p: Progress): () => void {
  const { host, port } = endpoint
  const localAddress = sourceFor(host, source)
  const socket = connect({ host, port, ...(localAddress === undefined ? {} : { localAddress }) })
  let received = Buffer.alloc(0)
  socket.on('error', () => p.got(Sign.Broken))
  socket.on('close', () => p.got(Sign.Broken))
  socket.on('data', (chunk) => {
    received = Buffer.concat([received, chunk])
    if (received.length < LENGTH_SIZE) return
    const end = LENGTH_SIZE + received.readUInt16BE(0)
    if (received.length < end) return
    // The only message of the connection: where it is not the answer, none will come.
    const sign = judge(received.subarray(LENGTH_SIZE, end), query, Transport.Tcp)
    p.got(sign === Sign.None ? Sign.Broken : sign)
  })
  socket.once('connect', () => {
    const frame = Buffer.alloc(LENGTH_SIZE + query.length)
    frame.writeUInt16BE(query.length)
    query.copy(frame, LENGTH_SIZE)
    socket.write(frame)
    p.asked()
  })
  return () => socket.destroy()
}

function probeQuery({ domain, recursionDesired }: ProbeOptions): Buffer {
  const query = Buffer.alloc(HEADER_SIZE + 255 + 4)
  const end = textToName(domain, query, HEADER_SIZE)
  if (end < 0) throw new RangeError(`Cannot probe for "${domain}": not a domain name`)
  writeId(query, random16())
  writeFlags(query, recursionDesired ? Flag.RD : 0)
  writeCount(query, Section.Question, 1)
  query.writeUInt16BE(Type.NS, end)
  query.writeUInt16BE(Class.IN, end + 2)
  return query.subarray(0, end + 4)
}

function judge(message: Buffer, query: Buffer, transport: Transport): Sign {
  const { length } = message
  if (length < HEADER_SIZE || readId(message) !== readId(query)) return Sign.None
  const question = new Question()
  parseQuestion(query, query.length, question)
  const overUdp = transport === Transport.Udp
  const verdict = judgeReply({ query, question }, message, length, overUdp)
  if (verdict === Verdict.Mismatch) return Sign.None
  if (verdict === Verdict.BareError) return Sign.Alive
  if (verdict === Verdict.Cut) return Sign.Cut
  if (overUdp && (readFlags(message) & Flag.TC) !== 0) return Sign.Alive
  records ??= new Records()
  if (scanRecords(message, length, question, records) === WireStatus.Ok) return Sign.Alive
  return overUdp && markCut(message, length, question) >= 0 ? Sign.Cut : Sign.Broken
}
