import { randomBytes } from 'node:crypto'
import { bare } from '../../corefile/directive.ts'
import { joinHostPort } from '../../lib/address.ts'
import type { BlockContext, Handler, Plugin, Stage } from '../../serve/plugin.ts'
import type { Observer, Query } from '../../serve/query.ts'
import { reachable, ask } from '../../upstream/ask.ts'
import { Flag, Rcode, Type } from '../../wire/codes.ts'
import { nameText } from '../../wire/question.ts'
import { ARRIVALS_OF_A_LOOP, LoopDetector, type Target } from './detector.ts'

/** All blocks look for loops at once, each with a query and connections of its own. */
const HEAP_BYTES = 16 * 1024

/**
 * `loop`: finds out at start whether what this block forwards comes back to it. It stands above
 * `cache` (in CoreDNS: below), which passes its questions by: they have an asker.
 */
export const loop: Plugin = {
  name: 'loop',
  changesAnswers: false,
  stubZones: true,
  heapBytes: HEAP_BYTES,
  setup(directives, block): Stage {
    bare(directives)
    const detector = new LoopDetector(block.zones[0] ?? '.', {
      ask,
      randomLabel,
      onLoop: (message) => block.services.life.fatal(message),
    })
    const log = block.services.log.plugin('loop')
    // Several blocks have the same upstream, and each reload asks again.
    const told = block.services.keep('loop told', () => new Set<string>())
    const asker: Observer = (q) => {
      detector.answered(nameText(q.wire, q.question, true))
      // A loop has a line of its own.
      if (q.error === null || q.answeredBy === 'loop' || told.has(q.error)) return
      if (!detector.active) return
      told.add(q.error)
      log.warning(`${q.error}; no loop seen so far`)
    }
    let running = Promise.resolve()
    return {
      wrap: (next: Handler, done: Handler): Handler => {
        return (q) => {
          if (!detector.active || q.question.type !== Type.HINFO) next(q)
          else if (count(detector, q, asker)) next(q)
          else done(q)
        }
      },
      start(): Promise<void> {
        running = detector.run(targetsOf(block))
        return Promise.resolve()
      },
      settled: () => detector.settled,
      stop(): Promise<void> {
        detector.stop()
        return running
      },
    }
  },
}

/** Makes a probe the daemon's own business. False where its arrivals prove a loop, which is cut then. */
function count(detector: LoopDetector, q: Query, asker: Observer): boolean {
  const { target } = q
  const client = (): string => joinHostPort(target.remoteAddress(q), target.remotePort(q))
  const arrivals = detector.arrived(nameText(q.wire, q.question, true), client)
  if (arrivals === 0) return true
  q.asker = asker
  if (arrivals >= ARRIVALS_OF_A_LOOP) {
    q.fail(Rcode.Refused, 'the upstream sends our queries back to us')
    q.answeredBy = 'loop'
    return false
  }
  // With other flags it is another question to a server in the loop that merges equal ones, and goes on.
  if (arrivals > 1) q.flags |= Flag.CD
  return true
}

/** The block's first listener, over both protocols: `forward` asks upstream over the client's. */
function targetsOf({ listeners }: BlockContext): Target[] {
  const [first] = listeners
  if (first === undefined) return []
  const host = reachable(first.host)
  const listener = joinHostPort(first.host, first.port)
  return (['udp', 'tcp'] as const).map((protocol) => ({
    protocol,
    host,
    port: first.port,
    listener,
  }))
}

/** A label of up to 19 digits that nobody guesses. */
function randomLabel(): string {
  return (randomBytes(8).readBigUInt64BE() >> 1n).toString()
}
