import { copyBytes } from '../../lib/bytes.ts'
import { ByServer } from '../../lib/counters.ts'
import { scanReply } from '../../serve/finish.ts'
import { askServer } from '../../serve/inner-question.ts'
import { keptQueries } from '../../serve/kept-queries.ts'
import type { Handler, Plugin, Stage } from '../../serve/plugin.ts'
import { Outcome, type Query } from '../../serve/query.ts'
import { Class, Ede, Rcode, Type } from '../../wire/codes.ts'
import { HEADER_SIZE, rcodeOf, readFlags } from '../../wire/header.ts'
import { readTtl } from '../../wire/records.ts'
import { prefixText, readConfig } from './config.ts'
import { metrics, translateCounters } from './metrics.ts'
import { Translator } from './translator.ts'

/** Seconds for translated addresses where no SOA record says more (RFC 6147 §5.1.7). */
const DEFAULT_TTL = 600
/** In place of a TTL: the answer is for the client as it is. */
const FIT = -1

/** `dns64`: IPv6 addresses made of IPv4 ones, for clients that have no others. */
export const dns64: Plugin = {
  name: 'dns64',
  changesAnswers: false,
  metrics,
  setup(directives, block): Stage {
    const log = block.services.log.plugin('dns64')
    const config = readConfig(directives, (message) => log.warning(message))
    const { allowIPv4, prefix, translateAll } = config
    const translator = new Translator(prefix)
    const counters = new ByServer(translateCounters)
    return {
      unwrap: (done: Handler): Handler => {
        return (q) => {
          const { question, outcome, target } = q
          const isConcerned =
            question.type === Type.AAAA &&
            outcome === Outcome.Message &&
            question.class === Class.IN &&
            (allowIPv4 || target.isIPv6(q))
          const maxTtl = isConcerned ? ttlToTranslateWith(q, translateAll) : FIT
          if (maxTtl === FIT) done(q)
          else if (q.kept) askForALater(q, maxTtl, translator, counters, done)
          else askForA(q, maxTtl, translator, counters, done)
        }
      },
      describe: () => [
        `prefix ${prefixText(prefix)}, for clients over ${allowIPv4 ? 'IPv4 and IPv6' : 'IPv6'}` +
          (translateAll ? ', also where names have IPv6 addresses' : ''),
      ],
    }
  },
}

/** The longest TTL of translated addresses, in seconds, or FIT. */
function ttlToTranslateWith(q: Query, translateAll: boolean): number {
  const { out, question } = q
  if (rcodeOf(readFlags(out)) === Rcode.NXDomain) return FIT
  // A hit has no question yet, and names point there.
  copyBytes(q.wire, HEADER_SIZE, out, HEADER_SIZE, question.end - HEADER_SIZE)
  const records = q.records ?? scanReply(q)
  // It is for the end of the chain to say so.
  if (records === null) return FIT
  const { answerCount, authorityCount, ttlAt, types } = records
  if (!translateAll) {
    for (let i = 0; i < answerCount; i++) if (types[i] === Type.AAAA) return FIT
  }
  let ttl = DEFAULT_TTL
  for (let i = answerCount; i < answerCount + authorityCount; i++) {
    if (types[i] === Type.SOA) ttl = readTtl(out, ttlAt[i]!)
  }
  return ttl
}

/** A stage below may be giving one answer to several: it is not to be asked again before it has. */
function askForALater(...asking: Parameters<typeof askForA>): void {
  queueMicrotask(() => askForA(...asking))
}

/**
 * Asks the server for A in place of the AAAA that there is not, and ends the query with what comes of it:
 * at once where that is cached, for which there is room in any crowd.
 */
function askForA(
  q: Query,
  maxTtl: number,
  translator: Translator,
  counters: ByServer<{ translated: number }>,
  done: Handler,
): void {
  let waiting: Query | null = q
  const progress = { isOver: false }
  const name = q.wire.subarray(HEADER_SIZE, q.question.nameEnd)
  askServer(q, name, Type.A, (inner) => {
    progress.isOver = true
    if (waiting === null) return
    if (translator.answer(waiting, inner, maxTtl)) counters.of(waiting.server).translated++
    done(waiting)
  })
  if (progress.isOver || q.kept) return
  waiting = keptQueries.admits(q) ? q.keep() : null
  if (waiting !== null) return
  q.fail(Rcode.Refused, 'too many misses under way', Ede.Other)
  q.answeredBy = 'dns64'
  done(q)
}
