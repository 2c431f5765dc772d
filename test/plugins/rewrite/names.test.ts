import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Protocol } from '../../../src/serve/query.ts'
import { Type } from '../../../src/wire/codes.ts'
import { a, cname, message, ns, soa, type TestRecord, wireName } from '../../wire/message.ts'
import { Bench, reply } from './harness.ts'

/** A record whose data is `before`, a name, `after`. */
function named(name: string, type: number, before: string, target: string, after = ''): TestRecord {
  const parts = [Buffer.from(before, 'hex'), wireName(target), Buffer.from(after, 'hex')]
  return { name, type, data: Buffer.concat(parts) }
}

/** Rule, what is asked, what the upstream is asked. */
const questions: readonly (readonly [rule: string, asked: string, down: string])[] = [
  ['name a.test b.test', 'a.test', 'b.test'],
  ['name exact A.test. B.test.', 'a.TEST', 'b.test'],
  ['name a.test b.test', 'x.a.test', 'x.a.test'],
  ['name prefix foo bar', 'foo.example', 'bar.example'],
  ['name prefix foo bar', 'foobar.example', 'foobar.example'],
  ['name prefix foo- bar', 'foo-.example', 'bar.example'],
  ['name suffix .schmoogle.com. .google.com.', 'www.schmoogle.com', 'www.google.com'],
  ['name suffix .schmoogle.com .google.com', 'xschmoogle.com', 'xschmoogle.com'],
  ['name suffix schmoogle.com google.com', 'xschmoogle.com', 'xgoogle.com'],
  ['name suffix .arpa .arpa', '1.0.0.127.in-addr.arpa', '1.0.0.127.in-addr.arpa'],
  ['name suffix . .cluster.local.', 'web.default', 'web.default.cluster.local'],
  [
    'name substring service.us-west-1.a.test service.consul',
    'ftp.service.us-west-1.a.test',
    'ftp.service.consul',
  ],
  ['name substring x y', 'x.x.test', 'y.y.test'],
  [
    'name regex (.*)-(us-west-1)\\.a\\.test {1}.service.{2}.consul',
    'ftp-us-west-1.a.test',
    'ftp.service.us-west-1.consul',
  ],
  ['name regex us-([^.]*)(\\.test) {0}.{1}', 'www.US-a.test', 'us-a.test.a'],
  ['name regex (x)?(a)\\.test {1}q{2}.test', 'a.test', 'qa.test'],
]

describe('a name', () => {
  for (const [rule, asked, down] of questions) {
    test(`${rule}: ${asked} is asked as ${down}`, () => {
      const b = new Bench(`rewrite ${rule}`)
      b.ask(asked)
      assert.deepEqual(b.asked, [`${down}. IN A`])
    })
  }

  test('without a final dot in the replacement gets one', () => {
    const b = new Bench('rewrite name regex (.*)\\.test\\. {1}')
    b.ask('a.b.test')
    assert.deepEqual(b.asked, ['a.b. IN A'])
  })

  test('that a stranger chose is not looked through for groups again', () => {
    const b = new Bench('rewrite name regex ([^.]*)\\.([^.]*)\\.test {1}.test')
    b.ask('{2}.x.test')
    assert.deepEqual(b.asked, ['{2}.test. IN A'])
  })

  test('with octets outside ASCII goes through patterns and back', () => {
    const b = new Bench('rewrite name suffix .a.test .b.test answer auto')
    const client = b.ask('\\200x\\.y.a.test')
    assert.deepEqual(b.asked, ['\\200x\\.y.b.test. IN A'])
    b.upstream.answer({ name: '\\200x\\.y.b.test', answer: [a('\\200x\\.y.b.test')] })
    assert.equal(reply(client)![2], '\\200x\\.y.a.test. 60 A 192.0.2.1')
  })
})

describe('several rules', () => {
  const lines = [
    'rewrite continue name suffix .one.test .two.test answer auto',
    'rewrite name exact web.two.test web.three.test',
    'rewrite name exact web.one.test never.test',
    'rewrite continue type A AAAA',
    'rewrite name exact other.test four.test',
  ].join('\n')

  test('are tried in order, those behind `continue` on what it has made', () => {
    const b = new Bench(lines)
    const client = b.ask('web.one.test')
    assert.deepEqual(b.asked, ['web.three.test. IN A'])
    b.upstream.answer({ name: 'web.three.test', answer: [a('web.three.test')] })
    assert.equal(reply(client)![2], 'web.one.test. 60 A 192.0.2.1')
  })

  test('and a stop ends them', () => {
    const b = new Bench(lines)
    b.ask('a.one.test')
    b.ask('other.test')
    b.ask('none.test')
    assert.deepEqual(b.asked, ['a.two.test. IN AAAA', 'four.test. IN AAAA', 'none.test. IN AAAA'])
  })

  test('two hundred exact ones are told apart, the first of a name counts', () => {
    const exact = Array.from({ length: 200 }, (_, i) => `rewrite name n${i}.test m${i}.test`)
    const b = new Bench([...exact, 'rewrite name n7.test late.test'].join('\n'))
    for (const i of [0, 7, 199, 200, 7]) b.ask(`n${i}.test`)
    const down = ['m0', 'm7', 'm199', 'n200', 'm7'].map((one) => `${one}.test. IN A`)
    assert.deepEqual(b.asked, down)
  })

  test('an exact one behind a pattern that matches comes second', () => {
    const b = new Bench('rewrite name regex ^a\\. b.test\nrewrite name a.test c.test')
    b.ask('a.test')
    assert.deepEqual(b.asked, ['b.test. IN A'])
  })

  test('lists of two blocks do not mix', () => {
    const one = new Bench('rewrite name a.test b.test')
    const two = new Bench('rewrite name c.test d.test')
    for (const b of [one, two, one, two]) b.ask('a.test')
    assert.deepEqual(one.asked, ['b.test. IN A', 'b.test. IN A'])
    assert.deepEqual(two.asked, ['a.test. IN A', 'a.test. IN A'])
  })
})

/** What comes back for `web.one.test`, asked as `web.two.test`. */
function answered(rule: string, asked = 'web.one.test', down = 'web.two.test'): string[] {
  const b = new Bench(`rewrite ${rule}`)
  const client = b.ask(asked)
  assert.deepEqual(b.asked, [`${down}. IN A`])
  b.upstream.answer({
    name: down,
    answer: [cname(down, `x.${down}`), a(`x.${down}`), a('far.off.example')],
    authority: [ns('two.test', `ns.${down}`), soa('two.test', 60, 60)],
    additional: [a(`ns.${down}`)],
  })
  return reply(client)!
    .slice(2)
    .map((line) => line.replace(' 60 ', ' '))
}

describe('an answer', () => {
  const untouched = [
    'web.two.test. CNAME x.web.two.test.',
    'x.web.two.test. A 192.0.2.1',
    'far.off.example. A 192.0.2.1',
    'two.test. NS ns.web.two.test.',
    'two.test. SOA .',
    'ns.web.two.test. A 192.0.2.1',
  ]
  const back = untouched.map((line) => line.replaceAll('web.two.test', 'web.one.test'))

  test('of an exact rule has the old name for the new one, and below it', () => {
    assert.deepEqual(answered('name web.one.test web.two.test'), back)
  })

  test('of other rules is left as it is without `answer`', () => {
    for (const rule of [
      'name suffix .one.test .two.test',
      'name prefix web.one web.two',
      'name substring one. two.',
      'name regex web\\.one(.*)\\.$ web.two{1}.',
    ]) {
      assert.deepEqual(answered(rule), untouched, rule)
    }
  })

  test('is mapped back by `answer auto`, of a suffix for every name that ends so', () => {
    for (const rule of ['name prefix web.one web.two', 'name substring one. two.']) {
      assert.deepEqual(answered(`${rule} answer auto`), back, rule)
    }
    const suffix = untouched.map((line) => line.replaceAll('.two.test', '.one.test'))
    assert.deepEqual(answered('name suffix .one.test .two.test answer auto'), suffix)
  })

  test('is mapped by patterns: names, values, or both', () => {
    const rule = 'name regex (.*)\\.one\\.test {1}.two.test answer'
    const names = untouched.map((line) => {
      const [owner, ...rest] = line.split(' ')
      return [owner!.replace(/^(.*)\.two\.test\.$/, '$1.one.test.'), ...rest].join(' ')
    })
    const values = untouched.map((line) => {
      const [owner, type, value] = line.split(' ')
      return [owner, type, value!.replace(/^(.*)\.two\.test\.$/, '$1.v.')].join(' ')
    })
    assert.deepEqual(answered(`${rule} name (.*)\\.two\\.test {1}.one.test`), names)
    assert.deepEqual(answered(`${rule} value (.*)\\.two\\.test {1}.v`), values)
    const both = names.map((line, i) => {
      const value = values[i]!.split(' ')[2]
      return [...line.split(' ').slice(0, 2), value].join(' ')
    })
    const all = `${rule} name (.*)\\.two\\.test {1}.one.test value (.*)\\.two\\.test {1}.v`
    assert.deepEqual(answered(all), both)
    assert.deepEqual(answered(`{\n${all.replaceAll(' answer', '\nanswer')}\n}`), both)
  })

  test('has the names of all types mapped that CoreDNS maps, and of no other', () => {
    const b = new Bench('rewrite name suffix .one.test .two.test answer auto')
    const client = b.ask('w.one.test', { type: Type.ANY })
    const target = 't.two.test'
    b.upstream.answer({
      name: 'w.two.test',
      type: Type.ANY,
      answer: [
        named('w.two.test', Type.SRV, '000100020035', target),
        named('w.two.test', Type.MX, '000a', target),
        named('w.two.test', Type.DNAME, '', target),
        named('w.two.test', Type.PTR, '', target),
        named('w.two.test', Type.NAPTR, '0001000200' + '0000', target),
        named(
          'w.two.test',
          Type.SOA,
          '',
          target,
          wireName('m.two.test').toString('hex') + '00'.repeat(20),
        ),
        named('w.two.test', Type.RP, '', target, '00'),
        named('w.two.test', Type.SVCB, '0001', target),
      ],
    })
    const values = reply(client)!
      .slice(2)
      .map((line) => line.split(' ').slice(2).join(' '))
    assert.deepEqual(values, [
      'SRV t.one.test.',
      'MX t.one.test.',
      'DNAME t.one.test.',
      'PTR t.one.test.',
      'NAPTR t.one.test.',
      'SOA t.one.test.',
      'RP t.two.test.',
      'SVCB t.two.test.',
    ])
    assert.ok(client.sent[0]!.includes('\x01m\x03two'), 'the mailbox of SOA is no value')
  })

  test('that the rules make unsound becomes SERVFAIL', () => {
    const long = 'y'.repeat(64)
    const b = new Bench(`rewrite name regex a(.*)\\.$ b{1}. answer name .* ${long}.test`)
    const client = b.ask('a.test')
    b.upstream.answer({ name: 'b.test', answer: [a('b.test')] })
    assert.deepEqual(reply(client), ['SERVFAIL', 'a.test. IN A'])
    assert.equal(b.seen[0]!.error, `invalid name after rewrite: ${long}.test.`)
  })

  /** A reply for b.test whose records all are of its name and have a name as data, compressed. */
  function pointing(count: number, target: string): Buffer {
    const start = message({ name: 'b.test', answer: [cname('b.test', target)] })
    start.writeUInt16BE(count + 1, 6)
    // Behind header, question, owner and what is fixed.
    const at = 12 + 12 + 8 + 10
    const record = Buffer.from('c00c000c00010000003c0002c000', 'hex')
    record.writeUInt16BE(0xc000 | at, 12)
    return Buffer.concat([start, ...Array.from({ length: count }, () => record)])
  }

  test('of thousands of records is whole', () => {
    const b = new Bench('rewrite name a.test b.test')
    const client = b.ask('a.test', { protocol: Protocol.Tcp })
    b.upstream.deliver(b.upstream.asked[0]!, pointing(2500, 'x.b.test'))
    const lines = reply(client)!
    assert.equal(lines.length, 2 + 2501)
    assert.equal(lines.at(-1), 'a.test. 60 PTR x.a.test.')
    assert.equal(client.sent[0]![2]! & 2, 0)
  })

  test('that is too long in full is sent without its last records, with TC', () => {
    const b = new Bench('rewrite name a.test b.test')
    const client = b.ask('a.test', { protocol: Protocol.Tcp })
    const long = Array.from({ length: 3 }, () => 'y'.repeat(63)).join('.')
    b.upstream.deliver(b.upstream.asked[0]!, pointing(400, long))
    const lines = reply(client)!
    assert.ok(lines.length > 250 && lines.length < 400, String(lines.length))
    assert.equal(lines.at(-1), `a.test. 60 PTR ${long}.`)
    assert.equal(client.sent[0]![2]! & 2, 2)
  })

  test('with a record of an unknown kind of its own keeps its octets', () => {
    const b = new Bench('rewrite class CH IN\nrewrite name a.test b.test')
    const client = b.ask('a.test', { type: Type.ANY })
    const chaos = { name: 'b.test', type: Type.A, class: 3, data: Buffer.from('\x01x\x00\x12\x34') }
    const odd = { name: 'b.test', type: Type.A, class: 3, data: Buffer.from([0xff, 1]) }
    b.upstream.answer({ name: 'b.test', type: Type.ANY, answer: [chaos, odd] })
    const wire = client.sent[0]!
    assert.ok(wire.includes(chaos.data) && wire.includes(odd.data))
    assert.equal(wire.readUInt16BE(6), 2)
  })
})
