import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { any } from '../../../src/plugins/any/index.ts'
import { makeFinish } from '../../../src/serve/finish.ts'
import { Flag, Rcode, Type } from '../../../src/wire/codes.ts'
import { messageOf, parseText } from '../../corefile/support.ts'
import { testBlock } from '../../helpers/services.ts'
import { accepted, FakeTarget } from '../../serve/fake-target.ts'
import { message, opt, type TestMessage } from '../../wire/message.ts'

function stageOf(text: string) {
  const [block] = parseText(`. {\n${text}\n}`, { known: ['any'] })
  return any.setup(block!.directives.get('any')!, testBlock())
}

/** What the client gets; null where the query went on to the next plugin. */
function ask(client: TestMessage): Buffer | null {
  const target = new FakeTarget()
  const q = accepted(message({ id: 7, flags: Flag.RD, ...client }), target)
  const stage = stageOf('any')
  stage.wrap!(() => {}, makeFinish([]))(q)
  assert.equal(q.answeredBy, target.sent.length === 1 ? 'any' : '')
  return target.sent[0] ?? null
}

describe('any', () => {
  test('answers ANY with the HINFO record of RFC 8482, whatever the name', () => {
    const data = Buffer.from('\x0dANY obsoleted\x0cSee RFC 8482')
    for (const name of ['.', 'www.Example.com', `${'x'.repeat(63)}.test`]) {
      for (const additional of [[], [opt({ size: 4096 })]]) {
        const got = ask({ name, type: Type.ANY, additional })
        const hinfo = { name, type: Type.HINFO, ttl: 8482, data }
        const full = message({ id: 7, name, type: Type.ANY, flags: 0x8100, answer: [hinfo] })
        assert.ok(got !== null)
        const owner = full.indexOf(0, 12) + 1 - 12
        // The owner's name is a pointer to the question's.
        const answerAt = owner + 16
        const expected = Buffer.concat([
          full.subarray(0, answerAt),
          Buffer.from([0xc0, 12]),
          full.subarray(answerAt + owner),
        ])
        assert.deepEqual(got.subarray(12, expected.length), expected.subarray(12))
        assert.equal(got.readUInt16BE(2) & ~Flag.RA, Flag.QR | Flag.RD | Rcode.NoError)
        assert.equal(got.length, expected.length + (additional.length > 0 ? 11 : 0))
      }
    }
  })

  test('lets every other type pass', () => {
    for (const type of [Type.A, Type.HINFO, Type.TXT, 254, 256, 511])
      assert.equal(ask({ type }), null)
  })

  test('has no options, and may be repeated', () => {
    for (const text of ['any', 'any\nany'])
      assert.equal(
        messageOf(() => stageOf(text)),
        undefined,
      )
    for (const text of ['any x', 'any {\n}', 'any {\nx\n}']) {
      assert.ok(messageOf(() => stageOf(text))?.includes('/etc/Corefile:'), text)
    }
  })
})
