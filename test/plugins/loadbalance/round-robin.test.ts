import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { Type } from '../../../src/wire/codes.ts'
import { cname, ns, recordsOf, rrsig, soa, type TestMessage } from '../../wire/message.ts'
import {
  address,
  assertFair,
  ipv6,
  lasts,
  mx,
  named,
  pass,
  seen,
  shown,
  stageOf,
  tally,
  typesOf,
} from './support.ts'

const name = 'www.example.com'
const round = stageOf('loadbalance')

describe('loadbalance round_robin', () => {
  test('gives every order of A and of AAAA records the same chance', () => {
    const answer = [address(1), address(2), address(3)]
    assertFair(
      tally(6000, () => lasts(pass(round, { answer }))),
      6,
      6000,
    )
    const two = { type: Type.AAAA, answer: [ipv6(1), ipv6(2)] }
    assertFair(
      tally(2000, () => lasts(pass(round, two))),
      2,
      2000,
    )
  })

  test('moves each TTL with its address', () => {
    const answer = [1, 2, 3, 4].map((n) => address(n, name, 10 * n))
    for (let i = 0; i < 20; i++) {
      const got = shown(pass(round, { answer })).toSorted()
      assert.deepEqual(got, ['A 10 1', 'A 20 2', 'A 30 3', 'A 40 4'])
    }
  })

  test('keeps CNAMEs before addresses, and puts them there', () => {
    const alias = cname(name, 'web.example.com')
    const [one, two] = [address(1, 'web.example.com'), address(2, 'web.example.com')]
    for (const answer of [
      [alias, one, two],
      [one, two, alias],
      [one, alias, two],
    ]) {
      for (const scanned of [false, true]) {
        const orders = seen(100, () => {
          const reply = pass(round, { answer }, { scanned })
          assert.deepEqual(named(reply), [
            `${name}. CNAME`,
            'web.example.com. A',
            'web.example.com. A',
          ])
          return lasts(reply).slice(-2)
        })
        assert.deepEqual(orders, ['12', '21'])
      }
    }
  })

  test('puts others, such as signatures, before addresses and MX behind them', () => {
    const answer = [mx(1, 'a'), address(1), address(2), rrsig(name, 0, 1)]
    assert.deepEqual(typesOf(pass(round, { answer })), ['RRSIG', 'A', 'A', 'MX'])
  })

  test('shuffles MX with their names', () => {
    const answer = [mx(1, 'alpha'), mx(2, 'be'), mx(3, 'c')]
    const counted = tally(3000, () => named(pass(round, { type: Type.MX, answer })).join())
    assertFair(counted, 6, 3000)
    const all = [`${name}. MX alpha.`, `${name}. MX be.`, `${name}. MX c.`]
    for (const text of counted.keys()) assert.deepEqual(text.split(',').toSorted(), all)
  })

  test('exchanges addresses among those of one name and type, in all sections', () => {
    const additional = [
      address(1, 'a.test'),
      address(2, 'a.test'),
      address(3, 'b.test'),
      ipv6(4, 'b.test'),
      ipv6(5, 'b.test'),
    ]
    const authority = [ns('test', 'a.test'), ns('test', 'b.test')]
    const orders = seen(400, () => {
      const reply = pass(round, { additional, authority })
      const owners = ['a.test. A', 'a.test. A', 'b.test. A', 'b.test. AAAA', 'b.test. AAAA']
      assert.deepEqual(named(reply).slice(2), owners)
      return lasts(reply).slice(-5)
    })
    assert.deepEqual(orders, ['12345', '12354', '21345', '21354'])
  })

  test('knows one owner in several forms, letter case aside', () => {
    const answer = [address(1, name), address(2, 'WWW.example.com')]
    assert.deepEqual(
      seen(50, () => lasts(pass(round, { answer }))),
      ['12', '21'],
    )
  })

  test('touches neither failures nor answers without two addresses of a name', () => {
    const same = (m: TestMessage): void => {
      assert.equal(seen(20, () => pass(round, m).toString('hex')).length, 1)
    }
    same({ answer: [address(1), address(2), address(3)], flags: 0x8183 })
    same({ answer: [address(1)] })
    same({ authority: [soa('example.com', 60, 60)] })
    same({ answer: [address(1), ipv6(2)] })
    same({ answer: [1, 2].map((last) => ({ ...address(last), class: 3 })) })
  })

  test('leaves a message that cannot be read as it is', () => {
    const whole = message4()
    for (const cut of [1, 5, 9, 15]) {
      const reply = whole.subarray(0, whole.length - cut)
      assert.deepEqual(pass(round, {}, { reply }).subarray(12), reply.subarray(12))
    }
    const head = pass(round, {})
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 80 }),
        fc.nat(9),
        fc.nat(9),
        (bytes, answers, more) => {
          const reply = Buffer.concat([head, bytes])
          reply.writeUInt16BE(answers, 6)
          reply.writeUInt16BE(more, 10)
          assert.ok(pass(round, {}, { reply }).length >= 12)
        },
      ),
    )
  })

  test('has thousands of addresses in an instant, preferred networks or not', () => {
    const data = (i: number): Buffer => Buffer.from([10, 0, i >> 8, i & 255])
    const answer = Array.from({ length: 4000 }, (_, i) => ({ ...address(1, '.'), data: data(i) }))
    const stage = stageOf('loadbalance {\nprefer 10.0.8.0/24 10.0.7.0/24\n}')
    const reply = pass(stage, { name: '.', answer })
    const { ends } = recordsOf(reply)
    assert.deepEqual(
      [0, 255, 256, 511].map((i) => reply[ends[i]! - 2]),
      [8, 8, 7, 7],
    )
  })
})

/** An answer that is whole, its records out of order. */
function message4(): Buffer {
  return pass({ unwrap: (done) => done }, { answer: [address(1), cname(name, 'a.test')] })
}

describe('loadbalance prefer', () => {
  const stage = stageOf(
    'loadbalance {\nprefer 192.0.2.8/30 192.0.2.2/32\nprefer 2001:db8::3/128\n}',
  )

  test('puts addresses of preferred networks first, in their order', () => {
    const answer = [1, 2, 3, 8, 9].map((last) => address(last))
    const orders = seen(400, () => lasts(pass(stage, { answer })))
    assert.deepEqual(orders, ['89213', '89231', '98213', '98231'])
    const more = { type: Type.AAAA, answer: [ipv6(1), ipv6(2), ipv6(3)] }
    assert.deepEqual(
      seen(50, () => lasts(pass(stage, more))),
      ['312', '321'],
    )
  })

  test('puts others behind addresses and MX', () => {
    const answer = [rrsig(name, 0, 1), mx(1, 'a'), address(1), cname(name, 'a.test')]
    assert.deepEqual(typesOf(pass(stage, { answer })), ['CNAME', 'A', 'MX', 'RRSIG'])
  })
})
