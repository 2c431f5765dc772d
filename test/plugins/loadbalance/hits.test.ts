import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { cache } from '../../../src/plugins/cache/index.ts'
import { Query } from '../../../src/serve/query.ts'
import { compress } from '../../../src/wire/compress.ts'
import { directivesOf } from '../../helpers/directives.ts'
import { testBlock } from '../../helpers/services.ts'
import { temporaryFolder } from '../../helpers/nsd.ts'
import { FakeTarget } from '../../serve/fake-target.ts'
import { ScriptedUpstream, serverOf } from '../../serve/one-block.ts'
import { message, recordsOf, type TestRecord } from '../../wire/message.ts'
import { address, lasts, mx, named, seen, stageOf, tally } from './support.ts'

const name = 'www.example.com'

/** Asks a block of loadbalance and cache, which has the answer already. */
function hitsOf(answer: readonly TestRecord[], body = 'loadbalance'): { ask: () => Buffer } {
  const upstream = new ScriptedUpstream()
  upstream.instant = (q) => {
    const wire = message({ name: answer[0]!.name, type: answer[0]!.type, answer })
    const out = Buffer.alloc(wire.length)
    upstream.deliver(q, out.subarray(0, compress(wire, recordsOf(wire), q.question, out)))
  }
  const stages = Object.entries({
    loadbalance: stageOf(body),
    cache: cache.setup(directivesOf('cache', 'cache'), testBlock()),
    forward: upstream.stage,
  }).map(([directive, stage]) => ({ name: directive, stage }))
  const server = serverOf(stages)
  const target = new FakeTarget()
  const q = new Query(target)
  const wire = message({ name, flags: 0x0100, type: answer[0]!.type })
  const ask = (): Buffer => {
    q.reset(wire, wire.length, 0)
    server.dispatch(q)
    return target.sent.pop()!
  }
  ask()
  return { ask }
}

describe('loadbalance over hits', () => {
  test('reads names where the question will be, which is not there yet', (t) => {
    const file = join(temporaryFolder(t), 'weights')
    writeFileSync(file, `${name}\n192.0.2.2 255\n`)
    const { ask } = hitsOf([address(1), address(2)], `loadbalance weighted ${file}`)
    assert.ok((tally(400, () => lasts(ask())).get('21') ?? 0) > 380)
    const mail = hitsOf([mx(1, 'a'), mx(2, 'b')])
    const orders = seen(40, () => named(mail.ask()).join(' '))
    const [one, other] = [`${name}. MX a.`, `${name}. MX b.`]
    assert.deepEqual(orders, [`${one} ${other}`, `${other} ${one}`])
  })
})
