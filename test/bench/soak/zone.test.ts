import assert from 'node:assert/strict'
import test from 'node:test'

import { answerFrom } from '../../../src/commands/demo/answer.ts'
import { queriesFor } from '../../../src/load/message.ts'
import { Type } from '../../../src/wire/codes.ts'
import { fault } from '../../../bench/soak/check.ts'
import { Mix, queriesOf } from '../../../bench/soak/mix.ts'
import {
  clusterZoneText,
  findAnywhere,
  findInCluster,
  outsideMs,
} from '../../../bench/soak/zone.ts'

const answer = answerFrom(findAnywhere)

/** The zone's own answer to a question, changed by `change`, and what the check says of it. */
function check(name: string, type: number, change: (message: Buffer) => void = () => {}): string {
  const [asked] = queriesFor(name, [type]) ?? []
  assert.ok(asked !== undefined)
  const message = answer(asked.query, 'udp')
  assert.ok(Buffer.isBuffer(message))
  change(message)
  return fault(message, message.length, name, asked)
}

test('every look-up of the mix is answered rightly by the zones, and ends with its last step', () => {
  const mix = new Mix(7)
  for (let i = 0; i < 2000; i++) {
    const lookUp = mix.next()
    for (const [at, { name, types }] of lookUp.entries()) {
      for (const type of types) assert.equal(check(name, type), '')
      const { rcode } = findAnywhere(name, types[0]!)
      assert.equal(rcode, at === lookUp.length - 1 ? 0 : 3, name)
    }
  }
})

test('the mix is the same for a seed: search lists, pairs, SRV, and 5 % of names beyond', () => {
  const draw = (seed: number): string => {
    const mix = new Mix(seed)
    return JSON.stringify(Array.from({ length: 50 }, () => mix.next()))
  }
  assert.equal(draw(1), draw(1))
  assert.notEqual(draw(1), draw(2))
  const mix = new Mix(1)
  const lookUps = Array.from({ length: 20_000 }, () => mix.next())
  const steps = lookUps.flat()
  const share = (of: (name: string) => boolean): number => {
    const some = steps.filter(({ name }) => of(name)).flatMap(({ types }) => types)
    return some.length / lookUps.reduce((sum, lookUp) => sum + queriesOf(lookUp), 0)
  }
  const beyond = share((name) => name.endsWith('.example.net'))
  assert.ok(beyond > 0.045 && beyond < 0.06, String(beyond))
  const missing = share((name) => findAnywhere(name, Type.A).rcode === 3)
  assert.ok(missing > 0.3 && missing < 0.5, String(missing))
  assert.ok(steps.some(({ types }) => types.includes(Type.SRV)))
  const counts = Map.groupBy(steps, ({ name }) => /svc-(\d+)/.exec(name)?.[1] ?? '')
  assert.ok(counts.get('0')!.length > 20 * counts.get('399')!.length)
})

test('what is wrong with an answer is told', () => {
  const single = 'svc-2.ns-2.svc.cluster.local'
  const setRcode = (rcode: number) => (message: Buffer) => void (message[3] = rcode)
  assert.equal(check(single, Type.A, setRcode(2)), 'SERVFAIL')
  assert.equal(check(single, Type.A, setRcode(3)), 'NXDOMAIN')
  assert.equal(check(`${single}.cluster.local`, Type.A, setRcode(0)), 'NOERROR')
  assert.equal(
    check(single, Type.A, (message) => void (message[2]! |= 2)),
    'truncated',
  )
  assert.equal(
    check(single, Type.A, (message) => void (message[7] = 2)),
    'malformed',
  )
  assert.equal(
    check(single, Type.A, (message) => void (message[message.length - 1]! ^= 1)),
    `${single}. IN A 10.97.0.3 in place of ${single}. IN A 10.97.0.2`,
  )
  const ttlAt = 10
  assert.equal(
    check(single, Type.A, (message) => message.writeUInt32BE(31, message.length - ttlAt)),
    'a TTL of 31',
  )
  // Without the record that is counted in the header, and without the SOA.
  assert.equal(
    check(single, Type.A, (message) => void (message[7] = 0)),
    `no record in place of ${single}. IN A 10.97.0.2`,
  )
  assert.equal(
    check(single, Type.AAAA, (message) => void (message[9] = 0)),
    'no SOA',
  )
})

test('the zone file for a real CoreDNS has the same records', () => {
  const text = clusterZoneText()
  assert.match(text, /^\$ORIGIN cluster\.local\.\n@ 5 IN SOA /)
  assert.match(text, /^svc-2\.ns-2\.svc\.cluster\.local\. 30 IN A 10\.97\.0\.2$/m)
  assert.match(text, /^_http\._tcp\.svc-9\.ns-9\.svc\.cluster\.local\. 5 IN SRV 0 33 8080 pod-0\./m)
  assert.equal(findInCluster(0, 'pod-1.svc-9.ns-9.svc.cluster.local', Type.A).answers.length, 1)
})

test('names beyond take 10 to 40 ms', () => {
  for (let i = 0; i < 100; i++) {
    const [asked] = queriesFor(`site-${i}.example.net`, [Type.A]) ?? []
    const ms = outsideMs(asked!.query)
    assert.ok(ms >= 10 && ms <= 40)
  }
})
