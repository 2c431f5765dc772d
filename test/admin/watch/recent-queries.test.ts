import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { SeenQuery } from '../../../src/admin/api.ts'
import { KEPT_QUERIES, readQueryFilter } from '../../../src/admin/watch/query-filter.ts'
import { RecentQueries } from '../../../src/admin/watch/recent-queries.ts'
import { Outcome } from '../../../src/serve/query.ts'
import { Ede, Rcode } from '../../../src/wire/codes.ts'
import { seenQuery } from './seen.ts'

const noPods = (_address: string): string => ''

function read(recent: RecentQueries, query = '', podOf = noPods): SeenQuery[] {
  const filter = readQueryFilter(new URLSearchParams(query))
  return [...recent.read(filter, podOf)].filter((one) => one !== null)
}

function namesOf(recent: RecentQueries, query = ''): string[] {
  return read(recent, query).map(({ name }) => name)
}

test('what was asked, by whom, and what came of it', () => {
  const recent = new RecentQueries()
  const change = { answeredBy: 'forward', upstream: '10.96.0.11:53' }
  const at = Date.UTC(2026, 10, 29, 3, 0, 0, 125)
  const asked = { name: 'Api.Example.test', rcode: Rcode.NXDomain, tcp: true, change }
  recent.add(seenQuery(asked), at, 1.23456)
  recent.add(
    seenQuery({ client: 'fd00::7', rcode: Rcode.FormErr, change: { answeredBy: '' } }),
    at,
    0,
  )
  recent.add(seenQuery({ name: '.', change: { outcome: Outcome.Drop } }), at, 0)
  const expired = { answeredBy: 'cache', upstream: '10.96.0.11:53', ede: Ede.StaleAnswer }
  recent.add(seenQuery({ name: 'old.test', change: expired }), at, 1_800)
  const podOf = (address: string): string => (address === 'fd00::7' ? 'shop/web-1' : '')
  const rest = {
    at: '2026-11-29T03:00:00.125Z',
    protocol: 'udp',
    milliseconds: 0,
    plugin: '',
    isStale: false,
    upstream: '',
  }
  assert.deepEqual(read(recent, '', podOf), [
    {
      ...rest,
      client: '10.244.1.7',
      pod: '',
      name: 'old.test.',
      type: 'A',
      rcode: 'NOERROR',
      milliseconds: 1_800,
      plugin: 'cache',
      isStale: true,
      upstream: '10.96.0.11:53',
    },
    { ...rest, client: '10.244.1.7', pod: '', name: '.', type: 'A', rcode: 'DROPPED' },
    { ...rest, client: 'fd00::7', pod: 'shop/web-1', name: '', type: '', rcode: 'FORMERR' },
    {
      ...rest,
      client: '10.244.1.7',
      pod: '',
      protocol: 'tcp',
      name: 'api.example.test.',
      type: 'A',
      rcode: 'NXDOMAIN',
      milliseconds: 1.235,
      plugin: 'forward',
      upstream: '10.96.0.11:53',
    },
  ])
})

describe('filters', () => {
  const recent = new RecentQueries()
  recent.add(seenQuery({ name: 'a.shop.test', client: '10.244.1.7' }), 0, 0.2)
  recent.add(seenQuery({ name: 'bshop.test', client: '10.244.1.8', rcode: Rcode.NXDomain }), 0, 7)
  recent.add(seenQuery({ name: 'shop.test', client: '::ffff:10.244.1.7' }), 0, 5_000)
  recent.add(seenQuery({ client: 'fd00::1', rcode: 12, change: { outcome: Outcome.Drop } }), 0, 1)

  for (const [query, expected] of [
    ['', ['', 'shop.test.', 'bshop.test.', 'a.shop.test.']],
    ['limit=2', ['', 'shop.test.']],
    ['suffix=SHOP.test', ['shop.test.', 'a.shop.test.']],
    ['suffix=test.', ['shop.test.', 'bshop.test.', 'a.shop.test.']],
    ['suffix=.', ['shop.test.', 'bshop.test.', 'a.shop.test.']],
    ['suffix=x.a.shop.test', []],
    ['client=10.244.1.8', ['bshop.test.']],
    ['client=fd00:0::1', ['']],
    ['rcode=nxdomain', ['bshop.test.']],
    ['rcode=RCODE3', ['bshop.test.']],
    ['rcode=dropped', ['']],
    ['slower=7', ['shop.test.', 'bshop.test.']],
    ['slower=0.5&rcode=NOERROR&suffix=test', ['shop.test.']],
    ['client=&rcode=&suffix=&slower=&limit=', ['', 'shop.test.', 'bshop.test.', 'a.shop.test.']],
  ] as const) {
    test(query === '' ? 'none' : query, () => assert.deepEqual(namesOf(recent, query), expected))
  }

  for (const [query, message] of [
    ['client=pod-1', '"pod-1" is no client: want an IP address'],
    ['client=fe80::1%25eth0', '"fe80::1%eth0" is no client: want an IP address'],
    ['suffix=a..b', '"a..b" is no suffix: want a domain name'],
    ['rcode=BAD', '"BAD" is no rcode: want a name such as NXDOMAIN, or DROPPED'],
    ['slower=-1', '"-1" is no slower: want milliseconds'],
    ['slower=1e9', '"1e9" is no slower: want milliseconds'],
    ['limit=0', '"0" is no limit: want 1 to 4096'],
    ['limit=4097', '"4097" is no limit: want 1 to 4096'],
    ['limit=%1b[2J', '"\\x1b[2J" is no limit: want 1 to 4096'],
    ['rcode=A&rcode=B', '"rcode" is given 2 times'],
  ] as const) {
    test(`refused: ${query}`, () => {
      assert.throws(() => readQueryFilter(new URLSearchParams(query)), { status: 400, message })
    })
  }
})

test('who reads may pause at each, and gets nothing that was overwritten meanwhile', () => {
  const recent = new RecentQueries()
  const add = (name: string): void => recent.add(seenQuery({ name }), 0, 0)
  for (let i = 0; i < KEPT_QUERIES; i++) add(`old${i}.test`)
  const last = `old${KEPT_QUERIES - 1}.test`
  const reading = recent.read(readQueryFilter(new URLSearchParams(`limit=${KEPT_QUERIES}`)), noPods)
  assert.equal(reading.next().value?.name, `${last}.`)
  for (let i = 0; i < KEPT_QUERIES - 3; i++) add(`new${i}.test`)
  assert.deepEqual(
    [...reading].map((one) => one?.name),
    [2, 3].map((back) => `old${KEPT_QUERIES - back}.test.`),
  )
  const filtered = recent.read(readQueryFilter(new URLSearchParams('suffix=b.test')), noPods)
  assert.equal(filtered.next().value, null)
})

test('who knows which ones are wanted gets null in place of the others', () => {
  const recent = new RecentQueries()
  recent.add(seenQuery({ name: 'a.test' }), 0, 0.2)
  recent.add(seenQuery({ name: 'b.test', rcode: Rcode.NXDomain }), 0, 0.3)
  recent.add(seenQuery({ name: 'c.test' }), 0, 7)
  const filter = {
    ...readQueryFilter(new URLSearchParams()),
    wanted: (rcode: string, milliseconds: number) => rcode === 'NXDOMAIN' || milliseconds === 7,
  }
  const found = [...recent.read(filter, noPods)].map((one) => one?.name ?? null)
  assert.deepEqual(found, ['c.test.', 'b.test.', null])
})

describe('memory does not grow', () => {
  const all = `limit=${KEPT_QUERIES}`

  test('with queries: the oldest are forgotten', () => {
    const recent = new RecentQueries()
    for (let i = 0; i < KEPT_QUERIES + 3; i++) recent.add(seenQuery({ name: `n${i}.test` }), 0, 0)
    const names = namesOf(recent, all)
    assert.equal(names.length, KEPT_QUERIES)
    assert.equal(names[0], `n${KEPT_QUERIES + 2}.test.`)
    assert.equal(names.at(-1), 'n3.test.')
  })

  test('with their names: fewer long ones are kept, and each as it was', () => {
    const recent = new RecentQueries()
    const long = `${'x'.repeat(63)}.`.repeat(3)
    for (let i = 0; i < 10_000; i++) recent.add(seenQuery({ name: `n${i}.${long}` }), 0, 0)
    const names = namesOf(recent, all)
    assert.ok(names.length > 620 && names.length < 700, String(names.length))
    names.forEach((name, i) => assert.equal(name, `n${9_999 - i}.${long}`))
  })

  test('A and AAAA of a name share its octets', () => {
    const recent = new RecentQueries()
    const long = `${'x'.repeat(63)}.`.repeat(3)
    for (let i = 0; i < 10_000; i++) recent.add(seenQuery({ name: `n${i >> 1}.${long}` }), 0, 0)
    const names = namesOf(recent, all)
    assert.ok(names.length > 1_240 && names.length < 1_400, String(names.length))
    names.forEach((name, i) => assert.equal(name, `n${(9_999 - i) >> 1}.${long}`))
  })

  test('with the names of plugins and upstreams: 65,535 of them are told', () => {
    const recent = new RecentQueries()
    const q = seenQuery({ change: { answeredBy: 'forward' } })
    for (let i = 0; i < 65_535; i++) {
      q.upstream = `upstream ${i}`
      recent.add(q, 0, 0)
    }
    const upstreams = read(recent, 'limit=2').map(({ upstream }) => upstream)
    assert.deepEqual(upstreams, ['', 'upstream 65533'])
  })
})
