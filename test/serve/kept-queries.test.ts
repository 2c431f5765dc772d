import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import { clientPlace, type FromClient, placeOf } from '../../src/serve/client-place.ts'
import { KeptQueries, keptQueries, mostKept } from '../../src/serve/kept-queries.ts'
import { clientSockaddr } from '../../src/sys/sockaddr.ts'
import { message } from '../wire/message.ts'
import { accepted } from './fake-target.ts'
import { queryFrom, strangers } from './strangers.ts'

const [one, two, three, four] = strangers(4).map((address) => queryFrom(address))

function placeAt(address: string): number {
  return clientPlace(queryFrom(address))
}

/** Takes for a client what it gets, at most `most`. Returns how much that was. */
function takeAll(kept: KeptQueries, q: FromClient, most = Infinity): number {
  let taken = 0
  for (; taken < most && kept.admits(q); taken++) kept.take(q)
  return taken
}

describe('KeptQueries', () => {
  test('gives one client half of the bound, and others their share of the rest', () => {
    const kept = new KeptQueries(1000)
    assert.equal(takeAll(kept, one!), 500)
    assert.equal(takeAll(kept, two!), 250)
    assert.equal(takeAll(kept, three!), 125)
    assert.equal(takeAll(kept, four!, 50), 50, 'a modest one gets what it needs')
  })

  test('no share bites below half of the bound', () => {
    const kept = new KeptQueries(1000)
    for (let n = 0; n < 10; n++) assert.equal(takeAll(kept, queryFrom(`10.0.0.${n}`), 49), 49)
    const place = kept.take(one!)
    kept.give(place)
    assert.equal(kept.count, 490)
    assert.equal(takeAll(kept, one!, 10), 10)
    assert.equal(kept.turnedAway, 0)
  })

  test('tells once of a crowd, until it is over', () => {
    const kept = new KeptQueries(80)
    const told: unknown[] = []
    kept.crowdBegins = (q) => void told.push(q)
    const places = Array.from({ length: takeAll(kept, one!) }, () => kept.take(one!))
    assert.ok(!kept.admits(one!))
    assert.deepEqual(told, [one])
    assert.equal(kept.turnedAway, 2)
    for (let n = 0; n < 2; n++) for (const place of places) kept.give(place)
    assert.equal(kept.count, 0)
    takeAll(kept, two!)
    assert.deepEqual(told, [one, two])
  })

  test('a crowd is of who holds much, once there are many', () => {
    const kept = new KeptQueries(1000)
    takeAll(kept, two!, 20)
    takeAll(kept, one!, 200)
    assert.ok(!kept.isCrowdedBy(one!), 'few wait')
    takeAll(kept, one!, 200)
    assert.ok(kept.isCrowdedBy(one!))
    assert.ok(!kept.isCrowdedBy(two!))
  })

  test('takes its bound from what is left of the heap', () => {
    assert.equal(mostKept(32 << 20), 8_192)
    assert.equal(mostKept(256 << 20), 16_384)
    assert.equal(mostKept(-1), 1_024)
  })

  test('counts every copy of a query until it is given back', () => {
    const before = keptQueries.count
    const q = accepted(message({ name: 'a.test', flags: 0x0100 }))
    const copy = q.keep()
    assert.equal(keptQueries.count, before + 1)
    assert.equal(copy.keep(), copy)
    const background = copy.copy()
    assert.equal(background.place, copy.place)
    background.release()
    copy.release()
    q.release()
    assert.equal(keptQueries.count, before)
  })
})

describe('clientPlace', () => {
  test('is remembered by a copy', () => {
    const q = accepted(message({ name: 'a.test' }))
    q.client = clientSockaddr('2001:db8:a:b::7', 53)
    const copy = q.keep()
    copy.client.fill(0)
    assert.equal(clientPlace(copy), clientPlace(q))
    copy.release()
  })

  test('differs between addresses and /64s, not inside one', () => {
    for (const address of ['10.244.NUMBER.7', '10.244.7.NUMBER', '2001:db8:1:NUMBER::7']) {
      const places = Array.from({ length: 200 }, (_, i) =>
        placeAt(address.replace('NUMBER', String(i))),
      )
      // By chance a pair of them has one place, three times in ten: ten pairs once in 10^12.
      assert.ok(new Set(places).size > 190, `${new Set(places).size} places of ${address}`)
    }
    assert.equal(placeAt('2001:db8:1:2::7'), placeAt('2001:db8:1:2:3:4:5:6'))
  })

  test('differs between addresses whatever the key is', () => {
    for (const factor of [1, 3, 255, 2 ** 16 + 1, 2 ** 31 + 1, 2 ** 32 - 1]) {
      const places = Array.from({ length: 200 }, (_, i) =>
        placeOf(0, 0x0af4_0007 + 256 * i, { seed: 0, factor }),
      )
      assert.ok(new Set(places).size > 190, `${new Set(places).size} places with ${factor}`)
    }
  })
})
