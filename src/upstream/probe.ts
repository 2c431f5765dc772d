import { Flag, Type } from '../wire/codes.ts'
import { fitCounts } from '../wire/cut.ts'
import { readFlags } from '../wire/header.ts'
import { makeQuery } from '../wire/query.ts'
import { parseQuestion, Question } from '../wire/question.ts'
import { Records, scanRecords } from '../wire/records.ts'
import { WireStatus } from '../wire/status.ts'
import { ask, type Destination } from './ask.ts'
import { Transport } from './counters.ts'
import { random16 } from './random.ts'
import { judgeReply, Verdict, type Asked } from './reply-check.ts'

/** What a health check asks. */
export interface ProbeOptions {
  /** Where it is asked over a transport. */
  readonly upstream: { destination(transport: Transport): Destination }
  /** Name whose NS records are asked for, presentation format. */
  readonly domain: string
  readonly recursionDesired: boolean
}

/** CoreDNS's: 2 s for the dial, 1 s for the answer. */
const PATIENCE = { dialMs: 2000, timeoutMs: 1000 } as const

/** Made by the first answer: 50 kB, and most upstreams are never probed. */
let records: Records | null = null

/**
 * Asks an upstream a harmless question on a fresh socket. Resolves to whether a sound reply came, also one
 * with an error or without records; to false where `signal` aborts. A datagram that ends too early is
 * asked for again over TCP, as with queries.
 */
export async function probe(
  { domain, recursionDesired, upstream }: ProbeOptions,
  transport: Transport,
  signal: AbortSignal,
): Promise<boolean> {
  const query = makeQuery(random16(), recursionDesired ? Flag.RD : 0, domain, Type.NS)
  if (query === null) throw new RangeError(`Cannot probe for "${domain}": not a domain name`)
  const question = new Question()
  parseQuestion(query, query.length, question)
  const asked = { query, question }
  for (let over = transport; !signal.aborted; over = Transport.Tcp) {
    const datagram = over === Transport.Udp
    const isAnswer = (message: Buffer): boolean =>
      judgeReply(asked, message, message.length, datagram) !== Verdict.Mismatch
    try {
      const reply = await ask(upstream.destination(over), query, { ...PATIENCE, isAnswer, signal })
      const sound = isSound(asked, reply, datagram)
      if (sound !== null) return sound
    } catch {
      return false
    }
  }
  return false
}

/** Null: the answer is what comes over TCP. */
function isSound(asked: Asked, message: Buffer, datagram: boolean): boolean | null {
  const { length } = message
  const verdict = judgeReply(asked, message, length, datagram)
  if (verdict === Verdict.Cut) return null
  if (verdict === Verdict.BareError) return true
  if (datagram && (readFlags(message) & Flag.TC) !== 0) return true
  records ??= new Records()
  if (scanRecords(message, length, asked.question, records) === WireStatus.Ok) return true
  const rest = fitCounts(message, length, asked.question, datagram)
  if (rest === null) return false
  return rest.complete || (datagram ? null : false)
}
