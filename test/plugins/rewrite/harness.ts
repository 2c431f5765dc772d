import { cache } from '../../../src/plugins/cache/index.ts'
import { rewrite } from '../../../src/plugins/rewrite/index.ts'
import type { NamedStage } from '../../../src/serve/chain.ts'
import { type Protocol, Query } from '../../../src/serve/query.ts'
import type { Server } from '../../../src/serve/server.ts'
import { className, Flag, rcodeName, Type, typeName } from '../../../src/wire/codes.ts'
import { readFlags } from '../../../src/wire/header.ts'
import { nameToText } from '../../../src/wire/name.ts'
import { nameText } from '../../../src/wire/question.ts'
import { firstName, layoutOf } from '../../../src/wire/rdata.ts'
import { readTtl } from '../../../src/wire/records.ts'
import { directivesOf } from '../../helpers/directives.ts'
import { ManualClock } from '../../helpers/manual-clock.ts'
import { testBlock, testServices } from '../../helpers/services.ts'
import { FakeTarget } from '../../serve/fake-target.ts'
import { ScriptedUpstream, serverOf } from '../../serve/one-block.ts'
import { message, opt, questionOf, recordsOf } from '../../wire/message.ts'

/** A message as dig prints it: rcode, question, then a line for each record but OPT. */
function shown(wire: Buffer): string[] {
  const question = questionOf(wire)
  const records = recordsOf(wire, question)
  const { type, class: klass } = question
  const lines = [
    rcodeName(readFlags(wire) & 15),
    `${nameText(wire, question)} ${className(klass)} ${typeName(type)}`,
  ]
  for (let i = 0; i < records.count; i++) {
    if (records.types[i] === Type.OPT) continue
    const owner = nameToText(wire, records.starts[i]!, wire.length)
    const at = records.ttlAt[i]!
    const ttl = readTtl(wire, at)
    lines.push(
      `${owner} ${ttl} ${typeName(records.types[i]!)} ${data(wire, records.types[i]!, at + 6, records.ends[i]!)}`,
    )
  }
  return lines
}

function data(wire: Buffer, type: number, at: number, end: number): string {
  const layout = layoutOf(type)
  if (layout === null) return wire.subarray(at, end).join('.')
  return nameToText(wire, firstName(wire, layout, at, end), wire.length)!
}

export interface AskOptions {
  readonly type?: number
  readonly class?: number
  readonly edns?: boolean
  readonly options?: Buffer
  /** Octets that the client takes over UDP. */
  readonly size?: number
  readonly protocol?: Protocol
}

/** A server block of `rewrite` lines, a cache where it has one, and a scripted upstream. */
export class Bench {
  readonly clock: ManualClock = new ManualClock()
  readonly upstream: ScriptedUpstream = new ScriptedUpstream()
  readonly seen: Query[] = []
  readonly panics: unknown[] = []
  readonly #server: Server

  /**
   * @param lines of `rewrite`
   * @param cached the cache's line, or null for a block without
   * @param others stages by name, in front of it
   * @param below stages behind the cache
   */
  constructor(
    lines: string,
    cached: string | null = null,
    others: readonly NamedStage[] = [],
    below: readonly NamedStage[] = [],
  ) {
    const block = testBlock({ services: testServices({ clock: this.clock }) })
    const stages = [
      ...others,
      { name: 'rewrite', stage: rewrite.setup(directivesOf('rewrite', lines), block) },
      ...(cached === null
        ? []
        : [{ name: 'cache', stage: cache.setup(directivesOf('cache', cached), block) }]),
      ...below,
      { name: 'forward', stage: this.upstream.stage },
    ]
    this.#server = serverOf(stages, [(q) => this.seen.push(q)], (cause) => this.panics.push(cause))
  }

  /** Sends a query; whoever asked gets replies at the target returned. */
  ask(name: string, o: AskOptions = {}): FakeTarget {
    const target = new FakeTarget(o.protocol)
    const { options = Buffer.alloc(0), size = 1232 } = o
    const additional = o.edns === true ? [opt({ options, size })] : []
    const wire = message({
      name,
      flags: Flag.RD,
      type: o.type ?? Type.A,
      class: o.class ?? 1,
      additional,
    })
    const q = new Query(target)
    q.reset(wire, wire.length, this.clock.now)
    this.#server.dispatch(q)
    return target
  }

  dispatch(q: Query): void {
    this.#server.dispatch(q)
  }

  /** What the upstream is asked, oldest first: name, class and type. */
  get asked(): string[] {
    return this.upstream.asked.map(({ question, wire }) =>
      [nameText(wire, question), className(question.class), typeName(question.type)].join(' '),
    )
  }
}

/** The last reply of a client, as `shown()`; null where there is none. */
export function reply(target: FakeTarget): string[] | null {
  const wire = target.sent.at(-1)
  return wire === undefined ? null : shown(wire)
}
