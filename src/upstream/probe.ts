import { createSocket } from 'node:dgram'
import { connect } from 'node:net'
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
import { type Endpoint, sourceFor } from './address.ts'
import { Transport } from './counters.ts'
import { LENGTH_SIZE } from './query-writer.ts'
import { random16 } from './random.ts'

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

/** Told once: whether any DNS message answered the probe. */
export type ProbeDone = (alive: boolean) => void

/**
 * Asks an upstream a harmless question on a fresh socket; any answer at all is a good sign. The
 * result ends the probe without telling.
 */
export function probe(options: ProbeOptions, transport: Transport, done: ProbeDone): () => void {
  const query = probeQuery(options)
  let close: () => void = () => {}
  let timer: NodeJS.Timeout
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
  timer = setTimeout(() => end(false), DIAL_MS)
  timer.unref()
  const open = transport === Transport.Tcp ? openTcp : openUdp
  close = open(options, query, { end, asked: () => wait(READ_MS) })
  // It may have failed on the spot.
  if (over) close()
  return () => end(null)
}

interface Progress {
  asked(): void
  end(alive: boolean): void
}

function openUdp({ endpoint, source }: ProbeOptions, query: Buffer, p: Progress): () => void {
  const { host, port } = endpoint
  const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4')
  socket.on('error', () => p.end(false))
  socket.on('message', (message) => {
    if (answers(message, query)) p.end(true)
  })
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
  socket.on('error', () => p.end(false))
  socket.on('close', () => p.end(false))
  socket.on('data', (chunk) => {
    received = Buffer.concat([received, chunk])
    // The header says enough, and no more than one message is waited for.
    if (received.length < LENGTH_SIZE + HEADER_SIZE) return
    p.end(answers(received.subarray(LENGTH_SIZE), query))
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

function answers(message: Buffer, query: Buffer): boolean {
  return (
    message.length >= HEADER_SIZE &&
    (readFlags(message) & Flag.QR) !== 0 &&
    readId(message) === readId(query)
  )
}
