import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { parsePrefix } from '../../src/corefile/ip.ts'
import { ClientQueries } from '../../src/serve/client-queries.ts'
import { Query } from '../../src/serve/query.ts'
import { clientSockaddr } from '../../src/sys/sockaddr.ts'
import { FakeTarget } from './fake-target.ts'

const target = new FakeTarget()

function ask(queries: ClientQueries, address: string, change: Partial<Query> = {}): void {
  const q = new Query(target)
  q.reset(Buffer.alloc(12), 12, 5_000)
  q.client = clientSockaddr(address, 40_000)
  queries.count(Object.assign(q, change))
}

const networks = {
  node: ['192.0.2.1/32', '2001:db8::1/128'].map((prefix) => parsePrefix(prefix)!),
  pods: ['10.244.1.0/24', 'fd00:244::/64'].map((prefix) => parsePrefix(prefix)!),
}

/** pods, node, others */
function counted(addresses: readonly string[], isKnown = true): readonly number[] {
  const queries = new ClientQueries()
  if (isKnown) queries.setNetworks(networks)
  for (const address of addresses) ask(queries, address)
  assert.equal(queries.total, addresses.length)
  return queries.bySource()
}

describe('queries are counted by where their clients are', () => {
  test('over both families', () => {
    assert.deepEqual(counted(['10.244.1.7', '10.244.1.8', 'fd00:244::7']), [3, 0, 0])
    assert.deepEqual(counted(['192.0.2.1', '2001:db8::1', '127.0.0.9', '::1']), [0, 4, 0])
    assert.deepEqual(counted(['192.0.2.2', '10.244.2.7', 'fd00:245::7']), [0, 0, 3])
  })

  test('of IPv4 in IPv6 form as of IPv4', () => {
    assert.deepEqual(counted(['::ffff:10.244.1.7', '10.244.1.7', '::ffff:127.0.0.1']), [2, 1, 0])
  })

  test('and the loopback interface is known beforehand', () => {
    assert.deepEqual(counted(['127.0.0.1', '10.244.1.7'], false), [0, 1, 1])
  })

  test('however many there are', () => {
    const queries = new ClientQueries()
    queries.setNetworks(networks)
    for (let i = 0; i < 4_000; i++) {
      ask(queries, `10.244.1.${i % 250}`)
      ask(queries, `10.9.${i % 250}.${i >> 8}`)
    }
    assert.deepEqual(queries.bySource(), [4_000, 0, 4_000])
    assert.equal(queries.total, 8_000)
  })
})

test('questions of the daemon itself and those inside others are none of a client', () => {
  const queries = new ClientQueries()
  ask(queries, '127.0.0.1', { own: true })
  ask(queries, '127.0.0.1', { depth: 1 })
  assert.equal(queries.total, 0)
  assert.equal(queries.lastAt, null)
  ask(queries, '127.0.0.1')
  assert.equal(queries.lastAt, 5_000)
})

test('a client that has just come is sorted once the networks have been looked at', () => {
  const queries = new ClientQueries()
  let asked = 0
  queries.newcomer = () => asked++
  ask(queries, '10.244.1.7')
  ask(queries, '10.244.1.7')
  assert.equal(asked, 1)
  assert.deepEqual(queries.bySource(), [0, 0, 0])
  assert.equal(asked, 2, 'who reads them wants to know')
  assert.equal(queries.total, 2)
  queries.setNetworks(networks)
  assert.deepEqual(queries.bySource(), [2, 0, 0])
  ask(queries, '10.244.1.7')
  assert.deepEqual(queries.bySource(), [3, 0, 0])
  assert.equal(asked, 2)
})

test('one of the loopback interface is sorted at once', () => {
  const queries = new ClientQueries()
  queries.newcomer = () => assert.fail('nothing is to be looked up')
  for (const address of ['127.0.0.1', '::1', '127.9.0.1']) ask(queries, address)
  assert.deepEqual(queries.bySource(), [0, 3, 0])
})
