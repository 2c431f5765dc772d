import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Format } from '../../../src/serve/format.ts'
import { log } from '../../../src/plugins/log/index.ts'
import type { Stage } from '../../../src/serve/plugin.ts'
import { Protocol, Query } from '../../../src/serve/query.ts'
import { Class, Rcode, Type } from '../../../src/wire/codes.ts'
import { type AskParts, answerWith, TestBlock, TestClient } from '../../telemetry/block.ts'
import { a, soa } from '../../wire/message.ts'

/** The line that a format gives for one query. */
function lineFor(
  format: string,
  answer: (q: Query) => void = answerWith({ answer: [a('www.example.org')] }),
  parts: AskParts = {},
): string | undefined {
  const block = new TestBlock(log, `log . "${format}"`)
  block.ask('WWW.example.org', answer, parts)
  return block.log.lines[0]?.text
}

test('the common format is that of CoreDNS', () => {
  assert.equal(
    lineFor('{common}'),
    '10.0.0.7:40000 - 4660 "A IN www.example.org. udp 33 false 512" NOERROR qr,rd,ra 64 0s',
  )
})

test('the combined format appends the opcode', () => {
  assert.match(lineFor('{combined}') ?? '', /NOERROR qr,rd,ra 64 0s "0"$/)
})

test('EDNS shows in size, DO and buffer size', () => {
  assert.equal(lineFor('{size} {>do} {>bufsize}', undefined, { edns: true }), '44 false 1232')
  assert.equal(lineFor('{size} {>do} {>bufsize}', undefined, { dnssecOk: true }), '44 true 1232')
})

test('over TCP the buffer size is that of TCP, whatever the client says', () => {
  const client = new TestClient(Protocol.Tcp)
  assert.equal(lineFor('{proto} {>bufsize}', undefined, { client, edns: true }), 'tcp 65535')
})

test('IPv6 addresses stand in brackets', () => {
  const client = new TestClient(Protocol.Udp, 'fd00::7')
  assert.equal(
    lineFor('{remote}:{port} {local}', undefined, { client }),
    '[fd00::7]:40000 [fd00::53]',
  )
})

test('types and classes without a name are written by number', () => {
  const parts = { type: 65_280, class: Class.IN }
  assert.equal(lineFor('{type} {class}', undefined, parts), 'TYPE65280 IN')
})

test('flags are those of the reply, in the order of the header', () => {
  const all = answerWith({ flags: 0x87f0, answer: [a('www.example.org')] })
  assert.equal(lineFor('{>rflags}', all, { flags: 0x0130 }), 'qr,aa,tc,rd,ra,ad,cd')
})

test('a failure is logged as it was sent', () => {
  const failed = (q: Query): void => q.fail(Rcode.ServFail, 'timeout')
  assert.equal(lineFor('{rcode} {>rflags} {rsize}', failed), 'SERVFAIL qr,rd 33')
})

test('an rcode without a name is a number', () => {
  assert.equal(
    lineFor('{rcode}', (q) => q.fail(12)),
    '12',
  )
})

test('a query without a reply has neither rcode nor flags nor size', () => {
  const dropped = (q: Query): void => {
    q.outcome = 3
  }
  assert.equal(lineFor('{rcode} {>rflags} {rsize}', dropped), '- - 0')
})

test('a query that waited for its answer is logged with its OPT record and its time', () => {
  const waiting: { q: Query; done: (q: Query) => void }[] = []
  const stage: Stage = { wrap: (_next, done) => (q) => void waiting.push({ q: q.keep(), done }) }
  const block = new TestBlock(log, 'log . "{name} {size} {>do} {remote} {duration}"', {
    below: [{ name: 'slow', stage }],
  })
  block.ask('www.example.org', () => {}, { dnssecOk: true })
  assert.equal(block.log.lines.length, 0)
  block.clock.advance(20.5)
  const [{ q, done }] = waiting as [(typeof waiting)[number]]
  q.fail(Rcode.ServFail)
  done(q)
  assert.equal(block.log.lines[0]?.text, 'www.example.org. 44 true 10.0.0.7 0.0205s')
})

test('metadata of others is absent, that of log itself is there', () => {
  const denial = answerWith({ flags: 0x8183, authority: [soa('org', 60, 60)] })
  assert.equal(lineFor('{/forward/upstream} {/log/type} {/log/class}', denial), '- NXDOMAIN denial')
  assert.equal(lineFor('{/meta1} {/} {/a/b/c}', denial), '- - -')
})

test('what is no placeholder stays as it is', () => {
  const q = new Query(new TestClient())
  q.question.type = Type.A
  const odd = fc.constantFrom('', '{x}', '{}', '{ name }', '{ /x}', '}{', '{')
  // Behind an opening brace a slash would begin the name of metadata.
  const plain = fc.string().map((text) => text.replaceAll(/[{}/]/g, ''))
  fc.assert(
    fc.property(plain, odd, plain, (before, middle, after) => {
      const text = `${before}${middle}${after}`
      assert.equal(new Format(`${text}{type}`).write(q, 0), `${text}A`)
      assert.equal(new Format(`{type}${text}`).write(q, 0), `A${text}`)
    }),
  )
})

for (const [kind, answer, expected] of [
  ['an answer', answerWith({ answer: [a('www.example.org')] }), 'NOERROR success'],
  ['NODATA', answerWith({ authority: [soa('org', 60, 60)] }), 'NODATA denial'],
  ['SERVFAIL', answerWith({ flags: 0x8182 }), 'SERVERERROR error'],
  ['REFUSED', answerWith({ flags: 0x8185 }), 'OTHERERROR error'],
  ['an empty NOERROR', (q: Query): void => q.fail(Rcode.NoError), 'NOERROR success'],
] as const) {
  test(`${kind} is ${expected}`, () => {
    assert.equal(lineFor('{/log/type} {/log/class}', answer), expected)
  })
}

test('the type of the query is shown', () => {
  assert.equal(lineFor('{type}', undefined, { type: Type.HTTPS }), 'HTTPS')
})
