import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { cache } from '../../../src/plugins/cache/index.ts'
import { rewrite } from '../../../src/plugins/rewrite/index.ts'
import type { Stage } from '../../../src/serve/plugin.ts'
import { Query } from '../../../src/serve/query.ts'
import { compress } from '../../../src/wire/compress.ts'
import { directivesOf } from '../../helpers/directives.ts'
import { testBlock } from '../../helpers/services.ts'
import { temporaryFolder } from '../../helpers/nsd.ts'
import { FakeTarget } from '../../serve/fake-target.ts'
import { ScriptedUpstream, serverOf } from '../../serve/one-block.ts'
import { message, recordsOf, type TestRecord } from '../../wire/message.ts'
import {
  address,
  assertFair,
  ipv6,
  lasts,
  mx,
  named,
  seen,
  shown,
  stageOf,
  tally,
} from './support.ts'

const name = 'www.example.com'

/** Asks a block of loadbalance and cache, which has the answer already. */
function hitsOf(
  answer: readonly TestRecord[],
  body = 'loadbalance',
  between: Readonly<Record<string, Stage>> = {},
): { ask: () => Buffer; alike: () => number } {
  const upstream = new ScriptedUpstream()
  upstream.instant = (q) => {
    const wire = message({ name: answer[0]!.name, type: answer[0]!.type, answer })
    const out = Buffer.alloc(wire.length)
    upstream.deliver(q, out.subarray(0, compress(wire, recordsOf(wire), q.question, out)))
  }
  let alike = 0
  const stages = Object.entries({
    loadbalance: stageOf(body),
    ...between,
    cache: cache.setup(directivesOf('cache', 'cache'), testBlock()),
    forward: upstream.stage,
  }).map(([directive, stage]) => ({ name: directive, stage }))
  const server = serverOf(stages, [(q) => (alike = q.alike)])
  const target = new FakeTarget()
  const q = new Query(target)
  const wire = message({ name, flags: 0x0100, type: answer[0]!.type })
  const ask = (): Buffer => {
    q.reset(wire, wire.length, 0)
    server.dispatch(q)
    return target.sent.pop()!
  }
  ask()
  assert.equal(alike, 0, 'a miss is looked at')
  return { ask, alike: () => alike }
}

describe('loadbalance over hits', () => {
  test('gives every order of addresses the same chance, and changes nothing else', () => {
    const { ask, alike } = hitsOf([address(1), address(2), address(3)])
    const usual = ['A 60 1', 'A 60 2', 'A 60 3']
    const counted = tally(3000, () => {
      const reply = ask()
      assert.deepEqual(shown(reply).toSorted(), usual)
      return lasts(reply)
    })
    assertFair(counted, 6, 3000)
    assert.equal(alike(), 16)
    const six = hitsOf([ipv6(1), ipv6(2)])
    const orders = tally(1000, () => {
      const reply = six.ask()
      assert.deepEqual(named(reply), [`${name}. AAAA`, `${name}. AAAA`])
      return lasts(reply)
    })
    assertFair(orders, 2, 1000)
    assert.equal(six.alike(), 28)
  })

  test('looks at addresses where some are preferred', () => {
    const body = 'loadbalance round_robin {\nprefer 192.0.2.3/32\n}'
    const { ask, alike } = hitsOf([address(1), address(2), address(3)], body)
    for (let i = 0; i < 20; i++) assert.equal(lasts(ask())[0], '3')
    assert.equal(alike(), 16)
  })

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

  test('looks at answers that another stage has changed', () => {
    const web = 'web.example.net'
    const rule = `rewrite name exact ${name} ${web}`
    const between = { rewrite: rewrite.setup(directivesOf('rewrite', rule), testBlock()) }
    const answer = [address(1, web), address(2, web)]
    const { ask, alike } = hitsOf(answer, 'loadbalance', between)
    const orders = tally(40, () => {
      const reply = ask()
      assert.deepEqual(named(reply), [`${name}. A`, `${name}. A`])
      return lasts(reply)
    })
    assert.deepEqual([...orders.keys()].toSorted(), ['12', '21'])
    assert.equal(alike(), 0)
  })
})
