import assert from 'node:assert/strict'
import { hostname } from 'node:os'
import { describe, test } from 'node:test'
import { version } from '../../../src/lib/version.ts'
import { chaos } from '../../../src/plugins/chaos/index.ts'
import { makeFinish } from '../../../src/serve/finish.ts'
import { Protocol } from '../../../src/serve/query.ts'
import { Class, Flag, Type } from '../../../src/wire/codes.ts'
import { messageOf } from '../../corefile/support.ts'
import { directivesOf } from '../../helpers/directives.ts'
import { testBlock } from '../../helpers/services.ts'
import { accepted, FakeTarget } from '../../serve/fake-target.ts'
import { message, recordsOf, type TestMessage } from '../../wire/message.ts'

const stageOf = (text: string) => chaos.setup(directivesOf('chaos', text), testBlock())

/** The texts that the client gets; null where the query went on. */
function ask(stage: ReturnType<typeof stageOf>, client: TestMessage): string[] | null {
  const target = new FakeTarget(Protocol.Tcp)
  const asked = { type: Type.TXT, class: Class.CH, flags: Flag.RD, ...client }
  stage.wrap!(() => {}, makeFinish([]))(accepted(message(asked), target))
  const reply = target.sent[0]
  if (reply === undefined) return null
  assert.equal(reply.readUInt16BE(2), Flag.QR | Flag.RD)
  const { count, answerCount, ttlAt, ends } = recordsOf(reply)
  assert.equal(answerCount, count)
  return Array.from({ length: count }, (_, i) => {
    const at = ttlAt[i]!
    assert.deepEqual([reply.readUInt16BE(at - 2), reply.readUInt32BE(at)], [Class.CH, 0])
    assert.equal(reply[at + 6], ends[i]! - at - 7)
    return reply.toString('utf8', at + 7, ends[i])
  })
}

describe('chaos', () => {
  test('tells version, host and authors', () => {
    const stage = stageOf('chaos v3 "Some One" other')
    assert.deepEqual(ask(stage, { name: 'Version.bind' }), ['v3'])
    assert.deepEqual(ask(stage, { name: 'version.server' }), ['v3'])
    for (const name of ['hostname.bind', 'ID.server']) {
      assert.deepEqual(ask(stage, { name }), [hostname()])
    }
    assert.deepEqual(ask(stage, { name: 'authors.bind' })?.toSorted(), ['Some One', 'other'])
  })

  test('tells its own where nothing is given', () => {
    const stage = stageOf('chaos')
    assert.deepEqual(ask(stage, { name: 'version.bind' }), [`dnslet-${version()}`])
    assert.deepEqual(ask(stage, { name: 'authors.bind' }), ['dnslet'])
    assert.deepEqual(ask(stageOf('chaos v2'), { name: 'authors.bind' }), ['dnslet'])
  })

  test('has every author once, in any order, as many as fit', () => {
    const stage = stageOf('chaos v b a b c')
    const orders = new Set(
      Array.from({ length: 500 }, () => ask(stage, { name: 'authors.bind' })!.join('')),
    )
    assert.deepEqual([...orders].toSorted(), ['abc', 'acb', 'bac', 'bca', 'cab', 'cba'])
    const many = Array.from({ length: 300 }, (_, i) => `${i}${'x'.repeat(250)}`)
    const got = ask(stageOf(`chaos v ${many.join(' ')}`), { name: 'authors.bind' })!
    assert.ok(got.length > 200 && got.length < 300, String(got.length))
  })

  test('cuts a text after 255 octets', () => {
    const stage = stageOf(`chaos ${'v'.repeat(300)} ${'a'.repeat(256)}`)
    assert.deepEqual(ask(stage, { name: 'version.bind' }), ['v'.repeat(255)])
    assert.deepEqual(ask(stage, { name: 'authors.bind' }), ['a'.repeat(255)])
  })

  test('lets all other questions pass, and takes every class', () => {
    const stage = stageOf('chaos')
    for (const client of [
      { name: 'version.bind', class: Class.IN },
      { name: 'version.bind', type: Type.A },
      { name: 'version.bind', type: Type.ANY },
      { name: 'x.version.bind' },
      { name: 'bind' },
      { name: '.' },
      { name: 'example.org' },
    ]) {
      assert.equal(ask(stage, client), null, JSON.stringify(client))
    }
    assert.equal(chaos.classes, 'all')
  })

  test('has no options', () => {
    for (const text of ['chaos v2', 'chaos v2 {\n}', 'chaos a\nchaos b']) {
      assert.equal(
        messageOf(() => stageOf(text)),
        undefined,
      )
    }
    assert.equal(
      messageOf(() => stageOf('chaos v2 {\nunknown\n}')),
      "plugin/chaos: Corefile:3 - Error during parsing: unknown property 'unknown'",
    )
  })
})
