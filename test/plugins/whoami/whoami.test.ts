import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { whoami } from '../../../src/plugins/whoami/index.ts'
import { makeFinish } from '../../../src/serve/finish.ts'
import { Protocol } from '../../../src/serve/query.ts'
import { Class, Flag, Type, typeName } from '../../../src/wire/codes.ts'
import { nameToText } from '../../../src/wire/name.ts'
import { messageOf } from '../../corefile/support.ts'
import { directivesOf } from '../../helpers/directives.ts'
import { testBlock } from '../../helpers/services.ts'
import { accepted, FakeTarget } from '../../serve/fake-target.ts'
import { message, opt, recordsOf, type TestMessage } from '../../wire/message.ts'

const stageOf = (text: string) => whoami.setup(directivesOf('whoami', text), testBlock())

class From extends FakeTarget {
  readonly #address: string

  constructor(address: string, protocol: Protocol = Protocol.Udp) {
    super(protocol)
    this.#address = address
  }

  override remoteAddress(): string {
    return this.#address
  }
}

/** What the client gets. */
function ask(client: TestMessage, target: FakeTarget = new From('198.51.100.7')): Buffer {
  const q = accepted(message({ id: 7, flags: Flag.RD, ...client }), target)
  stageOf('whoami').wrap!(() => assert.fail(), makeFinish([]))(q)
  assert.equal(q.answeredBy, 'whoami')
  return target.sent[0]!
}

/** Owner, TTL, class, type and data of each record. */
function shown(reply: Buffer): string[] {
  const { count, starts, ttlAt, types, ends, answerCount, authorityCount } = recordsOf(reply)
  assert.deepEqual([answerCount, authorityCount], [0, 0])
  return Array.from({ length: count }, (_, i) => {
    const at = ttlAt[i]!
    const data = reply.subarray(at + 6, ends[i])
    const owner = nameToText(reply, starts[i]!, reply.length)
    return `${owner} ${reply.readUInt32BE(at)} ${reply.readUInt16BE(at - 2)} ${typeName(types[i]!)} ${data.toString('hex')}`
  })
}

describe('whoami', () => {
  test('tells address, port and protocol, whatever the name and type', () => {
    const port = '000000009c4000'
    for (const type of [Type.A, Type.AAAA, Type.TXT, Type.ANY]) {
      const reply = ask({ name: 'Www.Example.org', type })
      assert.equal(reply.readUInt16BE(2), Flag.QR | Flag.AA | Flag.RD)
      assert.deepEqual(shown(reply), [
        'Www.Example.org. 0 1 A c6336407',
        `_udp.Www.Example.org. 0 1 SRV ${port}`,
      ])
    }
    const tcp = ask({ name: '.', class: Class.CH }, new From('2001:db8::1', Protocol.Tcp))
    assert.deepEqual(shown(tcp), [`. 0 3 AAAA 20010db8${'0'.repeat(23)}1`, `_tcp. 0 3 SRV ${port}`])
  })

  test('tells IPv4 where it comes over IPv6, and no zone', () => {
    const [mapped] = shown(ask({}, new From('::ffff:10.0.0.1')))
    assert.equal(mapped, 'www.example.com. 0 1 A 0a000001')
    const [local] = shown(ask({}, new From('fe80::1%eth0')))
    assert.equal(local, `www.example.com. 0 1 AAAA fe80${'0'.repeat(27)}1`)
  })

  test('leaves out what it cannot say', () => {
    const longest = `${Array.from({ length: 3 }, () => 'x'.repeat(63)).join('.')}.${'y'.repeat(57)}`
    const count = (name: string): number =>
      shown(ask({ name }, new From('10.0.0.1', Protocol.Tcp))).length
    assert.deepEqual([count(longest), count(longest.slice(1))], [1, 2])
    assert.equal(shown(ask({}, new From('somewhere'))).length, 1)
  })

  test('repeats OPT to clients that have it', () => {
    assert.equal(recordsOf(ask({ additional: [opt({ size: 4096 })] })).additionalCount, 3)
  })

  test('has no options', () => {
    for (const text of ['whoami', 'whoami\nwhoami']) {
      assert.equal(
        messageOf(() => stageOf(text)),
        undefined,
      )
    }
    for (const [text, problem] of [
      ['whoami example.org', "Wrong argument count or unexpected line ending after 'example.org'"],
      ['whoami {\n}', "Unexpected token '{', expecting argument"],
      ['whoami {\nx\n}', "Unexpected token '{', expecting argument"],
    ] as const) {
      const said = messageOf(() => stageOf(text))
      assert.equal(said, `plugin/whoami: Corefile:2 - Error during parsing: ${problem}`)
    }
  })
})
