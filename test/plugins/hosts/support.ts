import { hosts } from '../../../src/plugins/hosts/index.ts'
import type { Log } from '../../../src/lib/log.ts'
import { makeFinish } from '../../../src/serve/finish.ts'
import type { Stage } from '../../../src/serve/plugin.ts'
import { Outcome, Protocol } from '../../../src/serve/query.ts'
import { Flag, Rcode, rcodeName, Type, typeName } from '../../../src/wire/codes.ts'
import { nameToText } from '../../../src/wire/name.ts'
import { directivesOf } from '../../helpers/directives.ts'
import { nullLog } from '../../helpers/null-log.ts'
import { testBlock } from '../../helpers/services.ts'
import { accepted, FakeTarget } from '../../serve/fake-target.ts'
import { message, recordsOf, type TestMessage } from '../../wire/message.ts'

export interface Situation {
  readonly log?: Log
  readonly zones?: readonly string[]
  /** States that outlive a reload. */
  readonly kept?: Map<string, unknown>
}

/** A stage whose file has been read. */
export async function stageOf(text: string, situation: Situation = {}): Promise<Stage> {
  const { log = nullLog, zones = ['.'], kept = new Map<string, unknown>() } = situation
  const keep = <T>(key: string, make: () => T): T => {
    if (!kept.has(key)) kept.set(key, make())
    return kept.get(key) as T
  }
  const block = testBlock({ zones, services: { log, keep } })
  const stage = hosts.setup(directivesOf('hosts', text), block)
  await stage.prepare!()
  return stage
}

/** A stage with these lines in the Corefile and an empty file. */
export function inline(lines: string, zones?: readonly string[]): Promise<Stage> {
  return stageOf(`hosts /dev/null {\n${lines}\n}`, zones === undefined ? {} : { zones })
}

/** What the client gets; null where the query went on to the next plugin. */
export function reply(
  stage: Stage,
  client: TestMessage,
  protocol: Protocol = Protocol.Tcp,
): Buffer | null {
  const target = new FakeTarget(protocol)
  const q = accepted(message({ id: 7, flags: Flag.RD, ...client }), target)
  let passed = false
  const end = makeFinish([])
  stage.wrap!(() => {
    passed = true
  }, end)(q)
  if (passed && (target.sent.length > 0 || q.outcome !== Outcome.Pending)) throw new Error('both')
  return passed ? null : target.sent[0]!
}

/** Data of the answer's records, the rcode where it has none, 'next' where the query went on. */
export function ask(stage: Stage, name: string, type: number = Type.A): string {
  const got = reply(stage, { name, type })
  if (got === null) return 'next'
  const { count, ttlAt, ends } = recordsOf(got)
  const rcode = got[3]! & 15
  if (count === 0) return rcode === Rcode.NoError ? 'NODATA' : rcodeName(rcode)
  return Array.from({ length: count }, (_, i) => {
    const start = ttlAt[i]! + 6
    if (type === Type.PTR) return nameToText(got, start, got.length)
    const data = got.subarray(start, ends[i])
    return type === Type.A ? data.join('.') : data.toString('hex').replace(/^(.{4})0+/, '$1::')
  }).join(' ')
}

/** Owner, TTL and type of the records, and the header's flags. */
export function outline(got: Buffer): string {
  const { count, starts, ttlAt, types } = recordsOf(got)
  const records = Array.from(
    { length: count },
    (_, i) =>
      `${nameToText(got, starts[i]!, got.length)} ${got.readUInt32BE(ttlAt[i])} ${typeName(types[i]!)}`,
  )
  return [got.readUInt16BE(2).toString(16), ...records].join(', ')
}
