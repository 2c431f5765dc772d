import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { local } from '../../../src/plugins/local/index.ts'
import { makeFinish } from '../../../src/serve/finish.ts'
import type { Stage } from '../../../src/serve/plugin.ts'
import { Class, Flag, rcodeName, Type, typeName } from '../../../src/wire/codes.ts'
import { nameToText } from '../../../src/wire/name.ts'
import { messageOf } from '../../corefile/support.ts'
import { directivesOf } from '../../helpers/directives.ts'
import { testBlock } from '../../helpers/services.ts'
import { accepted, FakeTarget } from '../../serve/fake-target.ts'
import { message, recordsOf } from '../../wire/message.ts'

const stageOf = (text: string): Stage => local.setup(directivesOf('local', text), testBlock())
const off = 'local {\nlocalhost_prefix off\n}'

/** Rcode, section, owner, type and data of the only record; 'next' where the query went on. */
function ask(stage: Stage, name: string, type: number = Type.A, cls: number = Class.IN): string {
  const target = new FakeTarget()
  const q = accepted(message({ flags: Flag.RD, name, type, class: cls }), target)
  stage.wrap!(() => {}, makeFinish([]))(q)
  const reply = target.sent[0]
  if (reply === undefined) return 'next'
  const { count, answerCount, starts, ttlAt, types, ends } = recordsOf(reply)
  assert.equal(count, 1)
  const at = ttlAt[0]!
  assert.equal(reply.readUInt32BE(at), 604_800)
  assert.equal(reply.readUInt16BE(2) & 0xfff0, Flag.QR | Flag.RD)
  const data =
    types[0] === Type.A || types[0] === Type.AAAA
      ? reply.subarray(at + 6, ends[0]).toString('hex')
      : nameToText(reply, at + 6, reply.length)
  const section = answerCount === 1 ? 'answer' : 'authority'
  const owner = nameToText(reply, starts[0]!, reply.length)
  return `${rcodeName(reply[3]! & 15)} ${section} ${owner} ${typeName(types[0]!)} ${data}`
}

function requests(): number {
  let count = 0
  local.metrics![0]!.collect((_labels, value) => {
    count = value as number
  })
  return count
}

const loopback = `${'0'.repeat(31)}1`

describe('local', () => {
  for (const [name, type, expected] of [
    ['localhost', Type.A, 'NOERROR answer localhost. A 7f000001'],
    ['localHOst', Type.A, 'NOERROR answer localHOst. A 7f000001'],
    ['localhost', Type.AAAA, `NOERROR answer localhost. AAAA ${loopback}`],
    ['localhost', Type.NS, 'NOERROR answer localhost. NS localhost.'],
    ['localhost', Type.SOA, 'NOERROR answer localhost. SOA localhost.'],
    ['Localhost', Type.MX, 'NOERROR authority Localhost. SOA localhost.'],
    ['a.localhost', Type.A, 'NOERROR answer a.localhost. A 7f000001'],
    ['b.a.LOCALHOST', Type.AAAA, `NOERROR answer b.a.LOCALHOST. AAAA ${loopback}`],
    ['a.localhost', Type.MX, 'NOERROR authority a.localhost. SOA localhost.'],
    ['a.localhost', Type.SOA, 'NOERROR authority a.localhost. SOA localhost.'],
    ['localhost.example.net', Type.A, 'NOERROR answer localhost.example.net. A 7f000001'],
    ['localhost.example.net', Type.TXT, 'NOERROR authority localhost.example.net. SOA localhost.'],
    ['0.in-addr.arpa', Type.A, 'NOERROR authority 0.in-addr.arpa. SOA localhost.'],
    ['127.in-addr.arpa', Type.AAAA, 'NOERROR authority 127.in-addr.arpa. SOA localhost.'],
    ['127.in-addr.arpa', Type.NS, 'NOERROR answer 127.in-addr.arpa. NS localhost.'],
    ['255.in-addr.arpa', Type.SOA, 'NOERROR answer 255.in-addr.arpa. SOA localhost.'],
    ['255.in-addr.arpa', Type.PTR, 'NOERROR authority 255.in-addr.arpa. SOA localhost.'],
    ['1.0.0.127.in-ADDR.arpa', Type.PTR, 'NOERROR answer 1.0.0.127.in-ADDR.arpa. PTR localhost.'],
    ['1.0.0.127.in-addr.arpa', Type.MX, 'NOERROR authority 127.in-addr.arpa. SOA localhost.'],
    ['2.0.0.127.in-addr.arpa', Type.PTR, 'NXDOMAIN authority 127.in-addr.arpa. SOA localhost.'],
    ['1.0.0.1.127.in-addr.arpa', Type.PTR, 'NXDOMAIN authority 127.in-addr.arpa. SOA localhost.'],
    ['1.0.0.0.in-addr.Arpa', Type.A, 'NXDOMAIN authority 0.in-addr.Arpa. SOA localhost.'],
    ['127.in-addr.arpa', Type.DS, 'NOERROR authority 127.in-addr.arpa. SOA localhost.'],
  ] as const) {
    test(`answers ${name} ${typeName(type)}`, () => {
      assert.equal(ask(stageOf('local'), name, type), expected)
    })
  }

  test('lets all else pass', () => {
    const stage = stageOf('local')
    const names = [
      '.',
      'test',
      'alocalhost',
      'localhosts.test',
      'a.localhost.test',
      '1.in-addr.arpa',
    ]
    for (const name of [...names, 'in-addr.arpa']) assert.equal(ask(stage, name), 'next', name)
    assert.equal(ask(stage, 'localhost', Type.A, Class.CH), 'next')
  })

  test('takes no domain for this machine where it is told so', () => {
    const stage = stageOf(off)
    assert.equal(ask(stage, 'localhost.example.net'), 'next')
    assert.equal(ask(stage, 'a.localhost'), 'NOERROR answer a.localhost. A 7f000001')
    assert.equal(
      ask(stage, 'localhost.127.in-addr.arpa'),
      'NXDOMAIN authority 127.in-addr.arpa. SOA localhost.',
    )
  })

  test('counts names that are not localhost itself', () => {
    const before = requests()
    const stage = stageOf('local')
    for (const name of ['localhost', 'a.localhost', 'localhost.test', '127.in-addr.arpa']) {
      ask(stage, name)
    }
    assert.equal(requests() - before, 2)
  })

  test('has one option, of which the last one counts', () => {
    const on = 'localhost, and localhost. before any domain'
    for (const [text, said] of [
      ['local', on],
      ['local {\n}', on],
      ['local {\nlocalhost_prefix on\n}', on],
      [off, 'localhost, no prefix'],
      [`local\n${off}`, 'localhost, no prefix'],
      [`${off}\nlocal`, 'localhost, no prefix'],
      [`${off}\nlocal {\nlocalhost_prefix on\n}`, on],
    ] as const) {
      assert.deepEqual(stageOf(text).describe!(), [said], text)
    }
    for (const [text, problem] of [
      ['local x', "Wrong argument count or unexpected line ending after 'x'"],
      ['local {\nx\n}', "unknown property 'x'"],
      ['local {\nlocalhost_prefix\n}', "unexpected line ending after 'localhost_prefix'"],
      ['local {\nlocalhost_prefix on off\n}', "unexpected line ending after 'off'"],
      ['local {\nlocalhost_prefix maybe\n}', `localhost_prefix expects 'on' or 'off', got "maybe"`],
    ] as const) {
      const said = messageOf(() => stageOf(text)) ?? ''
      assert.ok(said.startsWith('plugin/local: Corefile:') && said.includes(problem), said)
    }
  })
})
