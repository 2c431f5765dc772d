import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { eachRequest, QueryCounters } from '../../src/serve/query-counters.ts'
import { Outcome, Protocol, Query } from '../../src/serve/query.ts'
import { typeName } from '../../src/wire/codes.ts'
import { TestClient } from '../telemetry/block.ts'

const named =
  'A AAAA CNAME DNSKEY DS MX NSEC NSEC3 NS PTR RRSIG SOA SRV TXT HTTPS SVCB IXFR AXFR ANY'.split(
    ' ',
  )

function counted(type: number, protocol: Protocol, address: string): string[] {
  const counters = new QueryCounters()
  const q = new Query(new TestClient(protocol, address))
  q.question.end = 17
  q.question.type = type
  counters.count(q, 0)
  const found: string[] = []
  eachRequest(counters, (p, family, t, count) => {
    found.push(`${p} ${family} ${t === null ? 'other' : typeName(t)} ${count}`)
  })
  return found
}

test('a request is counted under exactly its protocol, family and type', () => {
  fc.assert(
    fc.property(
      fc.oneof(fc.nat(300), fc.nat(65_535)),
      fc.constantFrom(Protocol.Udp, Protocol.Tcp),
      fc.boolean(),
      (type, protocol, six) => {
        const name = typeName(type)
        const label = named.includes(name) ? name : 'other'
        const expected = [`${protocol} ${six ? 1 : 0} ${label} 1`]
        assert.deepEqual(counted(type, protocol, six ? '::1' : '127.0.0.1'), expected)
      },
    ),
  )
})

test('a query without a readable question is of type other', () => {
  const counters = new QueryCounters()
  const q = new Query(new TestClient())
  q.question.type = 1
  q.question.end = 0
  counters.count(q, 0)
  const types: (number | null)[] = []
  eachRequest(counters, (_p, _f, type) => types.push(type))
  assert.deepEqual(types, [null])
})

test('a dropped query has no response', () => {
  const counters = new QueryCounters()
  const q = new Query(new TestClient())
  q.outcome = Outcome.Drop
  counters.count(q, 0)
  assert.deepEqual(counters.responses, [])
  assert.ok(counters.responseSizes.every(({ counts }) => counts.every((count) => count === 0)))
  assert.equal(counters.durations.counts[0], 1)
})
