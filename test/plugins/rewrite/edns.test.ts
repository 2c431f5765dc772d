import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { bufsize } from '../../../src/plugins/bufsize/index.ts'
import { nsid } from '../../../src/plugins/nsid/index.ts'
import { Protocol, Query } from '../../../src/serve/query.ts'
import { directivesOf } from '../../helpers/directives.ts'
import { testBlock } from '../../helpers/services.ts'
import { FakeTarget } from '../../serve/fake-target.ts'
import { a, message, opt, option } from '../../wire/message.ts'
import { type AskOptions, Bench } from './harness.ts'

const text = (code: number, data: string): Buffer => option(code, Buffer.from(data))
const hex = (code: number, data: string): Buffer => option(code, Buffer.from(data, 'hex'))

/** What goes upstream for a client with these options, and what it gets back: hexadecimal. */
function options(lines: string, own: Buffer | null, o: AskOptions = {}): readonly [string, string] {
  const b = new Bench(lines)
  const client = b.ask('A.test', { edns: true, ...(own === null ? {} : { options: own }), ...o })
  const sent = b.upstream.asked[0]!.options
  b.upstream.answer({ name: 'A.test', answer: [a('A.test')] })
  const reply = client.sent[0]!
  // An answer of 22 octets behind the question of 24, then OPT.
  return [sent?.toString('hex') ?? '', reply.subarray(24 + 22 + 11).toString('hex')]
}

const abcd = text(0xffee, 'abcd')
const mine = text(0xffee, 'mine')

/** Rules, the client's options, what goes upstream, what comes back. */
const rows: readonly (readonly [
  lines: string,
  own: Buffer | null,
  sent: Buffer | null,
  echoed: Buffer | null,
])[] = [
  ['edns0 local set 0xffee abcd', null, abcd, abcd],
  ['edns0 local set 0xffee 0x61626364', mine, abcd, abcd],
  ['edns0 local set 0xffee abcd revert', null, abcd, null],
  ['edns0 local append 65518 abcd', null, abcd, abcd],
  ['edns0 local append 0xffee abcd', mine, mine, null],
  ['edns0 local replace 0xffee abcd', null, null, null],
  ['edns0 local replace 0xffee abcd', mine, abcd, abcd],
  ['edns0 local unset 0xffee', mine, null, null],
  ['edns0 local unset 0xffee', null, null, null],
  ['edns0 nsid set', null, hex(3, ''), hex(3, '')],
  ['edns0 nsid set revert', null, hex(3, ''), null],
  ['edns0 nsid replace', null, null, null],
  ['edns0 nsid unset', hex(3, ''), null, null],
  ['edns0 subnet set 24 56', null, hex(8, '00011800c63364'), null],
  ['edns0 subnet set 22 56', hex(8, '00012000ffffffff'), hex(8, '00011600c63364'), null],
  ['edns0 subnet append 24 56', hex(8, '00012000ffffffff'), hex(8, '00012000ffffffff'), null],
  ['edns0 subnet set 0 0', null, hex(8, '00010000'), null],
  ['edns0 subnet unset', hex(8, '00012000ffffffff'), null, null],
  ['edns0 local set 1 {qname}', null, text(1, 'A.test.'), text(1, 'A.test.')],
  ['edns0 local set 1 {qtype} revert', null, hex(1, '0001'), null],
  ['edns0 local set 1 {client_ip} revert', null, hex(1, 'c6336407'), null],
  ['edns0 local set 1 {client_port} revert', null, hex(1, '9c40'), null],
  ['edns0 local set 1 {protocol} revert', null, text(1, 'udp'), null],
  ['edns0 local set 1 {server_ip} revert', null, hex(1, 'c0000235'), null],
  ['edns0 local set 1 {server_port} revert', null, hex(1, '0035'), null],
  ['edns0 local set 1 {some/label}', null, null, null],
  ['edns0 local set 1 x', text(2, 'not mine'), text(1, 'x'), text(1, 'x')],
]

describe('edns0', () => {
  for (const [line, own, sent, echoed] of rows) {
    test(`${line}, ${own === null ? 'of nothing' : `of ${own.toString('hex')}`}`, () => {
      const got = options(`rewrite ${line}`, own)
      assert.deepEqual(got, [sent?.toString('hex') ?? '', echoed?.toString('hex') ?? ''])
    })
  }

  test('several lines, of which the last is reverted', () => {
    const lines = `rewrite continue {
edns0 local set 0xffee abcd
}
rewrite edns0 local replace 0xffee bcde revert`
    const expected = [text(0xffee, 'bcde'), abcd].map((b) => b.toString('hex'))
    assert.deepEqual(options(lines, null), expected)
  })

  test('a rule that has nothing to do does not stop the next', () => {
    const lines =
      'rewrite edns0 local replace 1 x\nrewrite edns0 local set 2 {a/b}\nrewrite edns0 nsid set revert'
    assert.deepEqual(options(lines, null), [hex(3, '').toString('hex'), ''])
  })

  test('what a rule takes away stays away, and can be set anew', () => {
    const unset = 'rewrite continue edns0 local unset 0xffee'
    assert.deepEqual(options(`${unset}\nrewrite edns0 local replace 0xffee abcd`, mine), ['', ''])
    const expected = abcd.toString('hex')
    assert.deepEqual(options(`${unset}\nrewrite edns0 local append 0xffee abcd`, mine), [
      expected,
      expected,
    ])
  })

  test('beyond the room of a query they are left out', () => {
    const x = 'x'.repeat(600)
    const lines = `rewrite continue edns0 local set 1 ${x}\nrewrite edns0 local set 2 ${x}`
    const [sent] = options(lines, null)
    assert.equal(sent, text(1, x).toString('hex'))
    assert.equal(
      options('rewrite edns0 local append 1 y', text(1, 'x'.repeat(1100)))[0],
      text(1, 'y').toString('hex'),
    )
  })

  test('a client without EDNS gets no OPT, but its query has the options', () => {
    const b = new Bench('rewrite edns0 local set 0xffee abcd')
    const client = b.ask('A.test')
    assert.deepEqual(b.upstream.asked[0]!.options, abcd)
    b.upstream.answer({ name: 'A.test', answer: [a('A.test')] })
    assert.equal(client.sent[0]!.length, 24 + 22)
  })

  test('goes with a name, and {qname} is the rewritten one', () => {
    const b = new Bench('rewrite continue name a.test b.test\nrewrite edns0 local set 1 {qname}')
    b.ask('a.test')
    assert.deepEqual(b.asked, ['b.test. IN A'])
    assert.deepEqual(b.upstream.asked[0]!.options, text(1, 'b.test.'))
  })

  test('over TCP, from IPv6 and at a wildcard address', () => {
    class SixTarget extends FakeTarget {
      override readonly localAddress: string = '0.0.0.0'
      override remoteAddress(): string {
        return 'fe80::1234:5678%eth0'
      }
      override isIPv6(): boolean {
        return true
      }
    }
    const lines = [
      'rewrite continue edns0 subnet set 24 56',
      'rewrite continue edns0 local set 1 {client_ip}',
      'rewrite continue edns0 local set 2 {server_ip}',
      'rewrite continue edns0 local set 3 {protocol}',
    ].join('\n')
    const b = new Bench(lines)
    const q = new Query(new SixTarget(Protocol.Tcp))
    const wire = message({ name: 'a.test', flags: 0x100 })
    q.reset(wire, wire.length, 0)
    b.dispatch(q)
    assert.equal(
      b.upstream.asked[0]!.options!.toString('hex'),
      [hex(8, '00023800fe800000000000'), hex(1, 'fe800000000000000000000012345678'), text(3, 'tcp')]
        .map((one) => one.toString('hex'))
        .join(''),
    )
  })

  test('a client whose address is not known gets none of it', () => {
    class Nowhere extends FakeTarget {
      override remoteAddress(): string {
        return ''
      }
    }
    const b = new Bench(
      'rewrite continue edns0 subnet set 24 56\nrewrite edns0 local set 1 {client_ip}',
    )
    const q = new Query(new Nowhere())
    const wire = message({ name: 'a.test', flags: 0x100, additional: [opt()] })
    q.reset(wire, wire.length, 0)
    b.dispatch(q)
    assert.equal(b.upstream.asked[0]!.options, null)
  })
})

describe('nsid', () => {
  const stage = nsid.setup(directivesOf('nsid', 'nsid Use The Force'), testBlock())
  const asksForIt: AskOptions = { edns: true, options: hex(3, '') }
  const force = text(3, 'Use The Force')

  test('goes to clients that ask for it, with failures too, and to no others', () => {
    const b = new Bench('rewrite name x.test y.test', null, [{ name: 'nsid', stage }])
    const clients = [b.ask('a.test', asksForIt), b.ask('a.test', { edns: true }), b.ask('a.test')]
    b.upstream.answer({ name: 'a.test', answer: [a('a.test')] })
    b.upstream.fail()
    b.upstream.fail()
    assert.deepEqual(clients[0]!.sent[0]!.subarray(-force.length), force)
    assert.equal(clients[1]!.sent[0]!.length, 24 + 11)
    assert.equal(clients[2]!.sent[0]!.length, 24)
  })

  test('with what `rewrite` has set beside it, but for an NSID option', () => {
    const lines = 'rewrite continue edns0 nsid set\nrewrite edns0 local set 1 x'
    const b = new Bench(lines, null, [{ name: 'nsid', stage }])
    const client = b.ask('a.test', asksForIt)
    b.upstream.fail()
    const both = Buffer.concat([force, text(1, 'x')])
    assert.deepEqual(client.sent[0]!.subarray(-both.length), both)
    assert.equal(client.sent[0]!.length, 24 + 11 + both.length)
  })
})

describe('bufsize', () => {
  test('is what clients get at most, and what is asked for upstream', () => {
    for (const [line, longest] of [
      ['bufsize 512', 512],
      ['bufsize', 1232],
      ['bufsize 4096', 4096],
    ] as const) {
      const stage = bufsize.setup(directivesOf('bufsize', line), testBlock())
      const b = new Bench('rewrite name x.test y.test', null, [{ name: 'bufsize', stage }])
      const client = b.ask('a.test', { edns: true, size: 5000 })
      assert.equal(b.upstream.asked[0]!.maxUdpSize, longest)
      const answer = Array.from({ length: 400 }, () => a('a.test'))
      b.upstream.answer({ name: 'a.test', answer })
      const { length } = client.sent[0]!
      assert.ok(length <= longest && length > longest - 27, `${line}: ${length}`)
      const small = b.ask('a.test', { edns: true, size: 600 })
      b.upstream.answer({ name: 'a.test', answer })
      assert.ok(small.sent[0]!.length <= Math.min(600, longest))
    }
  })
})
