import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import { clientPlace } from '../../src/serve/client-place.ts'
import { KeptQueries, keptQueries, mostKept } from '../../src/serve/kept-queries.ts'
import { Query } from '../../src/serve/query.ts'
import { clientSockaddr } from '../../src/sys/sockaddr.ts'
import { message } from '../wire/message.ts'
import { accepted, FakeTarget } from './fake-target.ts'

/** A query of the client with this address. */
function from(address: string): Query {
  const q = new Query(new FakeTarget())
  q.client = clientSockaddr(address, 1)
  return q
}

function placeOf(address: string): number {
  return clientPlace(from(address))
}

/** Takes for a client what it gets, at most `most`. Returns how much that was. */
function takeAll(kept: KeptQueries, q: Query, most = Infinity): number {
  let taken = 0
  for (; taken < most && kept.admits(q); taken++) kept.take(q)
  return taken
}

describe('KeptQueries', () => {
  test('gives one client half of the bound, and others their share of the rest', () => {
    const kept = new KeptQueries(1000)
    assert.equal(takeAll(kept, from('10.0.0.1')), 500)
    assert.equal(takeAll(kept, from('10.0.0.2')), 250)
    assert.equal(takeAll(kept, from('10.0.0.3')), 125)
    assert.equal(takeAll(kept, from('10.0.0.4'), 50), 50, 'a modest one gets what it needs')
  })

  test('no share bites below half of the bound', () => {
    const kept = new KeptQueries(1000)
    for (let n = 0; n < 10; n++) assert.equal(takeAll(kept, from(`10.0.0.${n}`), 49), 49)
    const place = kept.take(from('10.0.0.1'))
    kept.give(place)
    assert.equal(kept.count, 490)
    assert.equal(takeAll(kept, from('10.0.0.1'), 10), 10)
    assert.equal(kept.turnedAway, 0)
  })

  test('tells once of a crowd, until it is over', () => {
    const kept = new KeptQueries(80)
    const told: string[] = []
    kept.crowdBegins = (q) => void told.push(q.client.slice(4, 8).join('.'))
    const q = from('10.0.0.1')
    const places = Array.from({ length: takeAll(kept, q) }, () => kept.take(q))
    assert.ok(!kept.admits(q))
    assert.deepEqual(told, ['10.0.0.1'])
    assert.equal(kept.turnedAway, 2)
    for (let n = 0; n < 2; n++) for (const place of places) kept.give(place)
    assert.equal(kept.count, 0)
    takeAll(kept, from('10.0.0.2'))
    assert.deepEqual(told, ['10.0.0.1', '10.0.0.2'])
  })

  test('a crowd is of who holds much, once there are many', () => {
    const kept = new KeptQueries(1000)
    takeAll(kept, from('10.0.0.2'), 20)
    takeAll(kept, from('10.0.0.1'), 200)
    assert.ok(!kept.isCrowdedBy(from('10.0.0.1')), 'few wait')
    takeAll(kept, from('10.0.0.1'), 200)
    assert.ok(kept.isCrowdedBy(from('10.0.0.1')))
    assert.ok(!kept.isCrowdedBy(from('10.0.0.2')))
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
    const places = Array.from({ length: 200 }, (_, i) => placeOf(`10.244.${i}.7`))
    assert.ok(new Set(places).size > 190)
    assert.equal(placeOf('2001:db8:1:2::7'), placeOf('2001:db8:1:2:3:4:5:6'))
    assert.notEqual(placeOf('2001:db8:1:2::7'), placeOf('2001:db8:1:3::7'))
  })
})
