import { cache } from '../../../src/plugins/cache/index.ts'
import { template } from '../../../src/plugins/template/index.ts'
import { Protocol, Query } from '../../../src/serve/query.ts'
import type { Server } from '../../../src/serve/server.ts'
import { className, Flag, rcodeName, Type, typeName } from '../../../src/wire/codes.ts'
import { readFlags } from '../../../src/wire/header.ts'
import { nameToText } from '../../../src/wire/name.ts'
import { firstName, layoutOf } from '../../../src/wire/rdata.ts'
import { readTtl } from '../../../src/wire/records.ts'
import { directivesOf } from '../../helpers/directives.ts'
import { ManualClock } from '../../helpers/manual-clock.ts'
import { nullLog } from '../../helpers/null-log.ts'
import { testBlock, testServices } from '../../helpers/services.ts'
import { FakeTarget } from '../../serve/fake-target.ts'
import { ScriptedUpstream, serverOf } from '../../serve/one-block.ts'
import { message, opt, questionOf, recordsOf } from '../../wire/message.ts'

const SECTIONS = ['AN', 'NS', 'AR']

/** Rcode with TC, then a line for each record but OPT: section, owner, TTL, class, type, data. */
export function shown(wire: Buffer): string[] {
  const records = recordsOf(wire, questionOf(wire))
  const flags = readFlags(wire)
  const lines = [`${rcodeName(flags & 15)}${(flags & Flag.TC) === 0 ? '' : ' TC'}`]
  for (let i = 0; i < records.count; i++) {
    const type = records.types[i]!
    if (type === Type.OPT) continue
    const section =
      i < records.answerCount ? 0 : i < records.answerCount + records.authorityCount ? 1 : 2
    const at = records.ttlAt[i]!
    const owner = nameToText(wire, records.starts[i]!, wire.length)
    const klass = className(wire.readUInt16BE(at - 2))
    const data = dataOf(wire, type, at + 6, records.ends[i]!)
    lines.push(
      `${SECTIONS[section]} ${owner} ${readTtl(wire, at)} ${klass} ${typeName(type)} ${data}`,
    )
  }
  return lines
}

function dataOf(wire: Buffer, type: number, at: number, end: number): string {
  if (type === Type.TXT) return wire.toString('utf8', at + 1, end)
  if (type === Type.A) return wire.subarray(at, end).join('.')
  const layout = layoutOf(type)
  if (layout === null) return wire.toString('hex', at, end)
  return nameToText(wire, firstName(wire, layout, at, end), wire.length)!
}

export interface AskOptions {
  readonly type?: number
  readonly class?: number
  readonly edns?: boolean
  readonly protocol?: Protocol
}

export interface BenchOptions {
  readonly zones?: readonly string[]
  /** The name of the block, if it has one. */
  readonly view?: string
  /** The cache's line, if the block has one. */
  readonly cached?: string
}

/** A server block of `template` lines, a scripted upstream below, and a cache above where asked for. */
export class Bench {
  readonly clock: ManualClock = new ManualClock()
  readonly upstream: ScriptedUpstream = new ScriptedUpstream()
  readonly seen: { readonly error: string | null; readonly answeredBy: string }[] = []
  readonly panics: unknown[] = []
  readonly logged: string[] = []
  readonly #server: Server

  constructor(lines: string, { cached, view = '', zones = ['.'] }: BenchOptions = {}) {
    const say = (text: string): void => void this.logged.push(text)
    const log = { ...nullLog, plugin: () => ({ ...nullLog, warning: say, error: say }) }
    const block = testBlock({ zones, view, services: testServices({ clock: this.clock, log }) })
    const stages = [
      ...(cached === undefined
        ? []
        : [{ name: 'cache', stage: cache.setup(directivesOf('cache', cached), block) }]),
      { name: 'template', stage: template.setup(directivesOf('template', lines), block) },
      { name: 'forward', stage: this.upstream.stage },
    ]
    this.#server = serverOf(
      stages,
      [({ answeredBy, error }) => this.seen.push({ answeredBy, error })],
      (cause) => this.panics.push(cause),
    )
  }

  /** Sends a query; the reply is at the target returned. */
  send(name: string, o: AskOptions = {}): FakeTarget {
    const target = new FakeTarget(o.protocol ?? Protocol.Tcp)
    const wire = message({
      name,
      flags: Flag.RD,
      type: o.type ?? Type.A,
      class: o.class ?? 1,
      additional: o.edns === true ? [opt({ size: 1232 })] : [],
    })
    const q = new Query(target)
    q.reset(wire, wire.length, this.clock.now)
    this.#server.dispatch(q)
    return target
  }

  /** The reply as `shown()`, `next` where the query went on to what follows. */
  ask(name: string, o: AskOptions = {}): readonly string[] | 'next' {
    const [reply] = this.send(name, o).sent
    if (reply !== undefined) return shown(reply)
    this.upstream.asked.pop()!.release()
    return 'next'
  }
}
