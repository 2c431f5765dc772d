import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { no_aaaa } from '../../../src/plugins/no_aaaa/index.ts'
import { knownDirectives } from '../../../src/plugins/index.ts'
import { makeFinish } from '../../../src/serve/finish.ts'
import type { Stage } from '../../../src/serve/plugin.ts'
import { Flag, Rcode, Type } from '../../../src/wire/codes.ts'
import { nameToText } from '../../../src/wire/name.ts'
import { readTtl } from '../../../src/wire/records.ts'
import { messageOf } from '../../corefile/support.ts'
import { directivesOf } from '../../helpers/directives.ts'
import { nullLog } from '../../helpers/null-log.ts'
import { testBlock } from '../../helpers/services.ts'
import { accepted, FakeTarget } from '../../serve/fake-target.ts'
import { message, opt, recordsOf, type TestMessage } from '../../wire/message.ts'

function stageOf(line: string, zones = ['.'], warn: (said: string) => void = assert.fail): Stage {
  const log = { ...nullLog, plugin: () => ({ ...nullLog, warning: warn }) }
  return no_aaaa.setup(directivesOf('no_aaaa', line), testBlock({ zones, services: { log } }))
}

/** What the client gets; null where the query went on to the next plugin. */
function ask(stage: Stage, client: TestMessage): Buffer | null {
  const target = new FakeTarget()
  const q = accepted(message({ id: 7, flags: Flag.RD, ...client }), target)
  stage.wrap!(() => {}, makeFinish([]))(q)
  return target.sent[0] ?? null
}

/** Owner, TTL and MINIMUM of the only record of a denial. */
function denialOf(reply: Buffer | null): readonly [string | null, number, number] {
  assert.ok(reply !== null)
  const records = recordsOf(reply)
  assert.deepEqual([records.answerCount, records.authorityCount], [0, 1])
  assert.equal(records.types[0], Type.SOA)
  const owner = nameToText(reply, records.starts[0]!, reply.length)
  return [owner, readTtl(reply, records.ttlAt[0]!), readTtl(reply, records.ends[0]! - 4)]
}

describe('no_aaaa', () => {
  test('answers AAAA with NODATA and a SOA that may be kept for 30 s', () => {
    const reply = ask(stageOf('no_aaaa'), { name: 'www.Example.com', type: Type.AAAA })
    assert.deepEqual(denialOf(reply), ['.', 30, 30])
    assert.equal(recordsOf(reply!).soaNegativeTtl, 30)
    assert.equal(reply!.readUInt16BE(2), Flag.QR | Flag.AA | Flag.RD | Rcode.NoError)
  })

  test('denies in the name of the longest zone, and of a block of any name', () => {
    const stage = stageOf('no_aaaa example.com sub.example.com')
    const owners = ['example.com', 'x.sub.example.com', 'y.SUB.example.com'].map(
      (name) => denialOf(ask(stage, { name, type: Type.AAAA }))[0],
    )
    assert.deepEqual(owners, ['example.com.', 'sub.example.com.', 'SUB.example.com.'])
    const long = Array.from({ length: 3 }, () => 'x'.repeat(63)).join('.')
    const longest = `${long}.${'y'.repeat(61)}`
    const all = stageOf('no_aaaa', [`${longest}.`])
    assert.equal(denialOf(ask(all, { name: longest, type: Type.AAAA }))[0], `${longest}.`)
  })

  test('repeats OPT to clients that have it', () => {
    const reply = ask(stageOf('no_aaaa'), { type: Type.AAAA, additional: [opt({ size: 4096 })] })
    assert.equal(recordsOf(reply!).additionalCount, 1)
  })

  test('lets other types, classes and zones pass', () => {
    const stage = stageOf('no_aaaa example.com')
    for (const type of [Type.A, Type.ANY, Type.HTTPS, Type.TXT])
      assert.equal(ask(stage, { type }), null)
    assert.equal(ask(stage, { type: Type.AAAA, class: 3 }), null)
    for (const name of ['.', 'com', 'example.org', 'notexample.com']) {
      assert.equal(ask(stage, { name, type: Type.AAAA }), null, name)
    }
  })

  test('stands behind acl and rewrite and before cache', () => {
    const order = ['dns64', 'rewrite', 'acl', 'no_aaaa', 'cache', 'template', 'forward']
    assert.deepEqual(
      order.toSorted((a, b) => knownDirectives.indexOf(a) - knownDirectives.indexOf(b)),
      order,
    )
  })

  test('takes zones and nothing else, once', () => {
    for (const [text, problem] of [
      ['no_aaaa {\n}', "plugin/no_aaaa: Corefile:2 - Error during parsing: Unexpected token '{'"],
      ['no_aaaa a.test {\nx\n}', "Unexpected token '{', expecting argument"],
      ['no_aaaa\nno_aaaa', 'this plugin can only be used once per Server Block'],
    ] as const) {
      const said = messageOf(() => stageOf(text))
      assert.ok(said?.includes(problem), `${text}: ${said}`)
    }
    const zones = (line: string): readonly string[] => stageOf(line).describe!()
    assert.deepEqual(zones('no_aaaa Example.COM:53 10.0.0.0/8'), [
      'no AAAA records in example.com. 10.in-addr.arpa.',
    ])
    assert.deepEqual(zones('no_aaaa'), ['no AAAA records in .'])
  })

  test('warns of a word that is no zone', () => {
    const said: string[] = []
    stageOf('no_aaaa a..b', ['.'], (text) => said.push(text))
    assert.match(said.join(), /^Corefile:2 - 'a\.\.b' is ignored/)
  })
})
