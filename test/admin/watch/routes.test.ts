import assert from 'node:assert/strict'
import { afterEach, describe, test } from 'node:test'
import { Ajv2020 } from 'ajv/dist/2020.js'
import type { SeenQuery, Top, Traffic } from '../../../src/admin/api.ts'
import { Pieces } from '../../../src/admin/routes.ts'
import { openWatch, watchRoutes } from '../../../src/admin/watch/routes.ts'
import { TIME_BUCKETS } from '../../../src/lib/counters.ts'
import { clientQueries } from '../../../src/serve/client-queries.ts'
import { spectator } from '../../../src/serve/spectator.ts'
import { Rcode } from '../../../src/wire/codes.ts'
import { seenQuery } from './seen.ts'

const ajv = new Ajv2020({ strict: true })
ajv.addFormat('date-time', (text) => new Date(text).toISOString() === text)

const parts = openWatch({ DNSLET_CNI_RESULTS: '' })
const routes = new Map(watchRoutes(parts).map((route) => [route.path, route]))

function get(path: string): unknown {
  const { pathname, searchParams: query } = new URL(path, 'http://dnslet')
  const answer = routes.get(pathname)!.handle({ query, body: undefined, overHttp: true })
  return answer instanceof Pieces ? JSON.parse([...answer.texts].join('')) : answer
}

afterEach(() => parts.watch.stop())

/** The answers are what openapi.json says they are. */
function getSound(path: string): unknown {
  const answer = get(path)
  const { answer: schema } = routes.get(path)!
  assert.ok(ajv.validate(schema, JSON.parse(JSON.stringify(answer))), ajv.errorsText())
  return answer
}

describe('routes', () => {
  test('answer what they say they do', () => {
    for (const path of routes.keys()) getSound(path)
    clientQueries.count(seenQuery({ name: 'a.test' }))
    spectator.seen?.(seenQuery({ name: 'a.test', rcode: Rcode.NXDomain }))
    spectator.seen?.(seenQuery({ client: 'fd00::1', rcode: 3_000 }))
    for (const path of routes.keys()) getSound(path)
  })

  test('only read', () => {
    assert.deepEqual([...routes.keys()], ['/v1/top', '/v1/queries', '/v1/traffic'])
    for (const { method } of routes.values()) assert.equal(method, 'GET')
  })

  test('/v1/top', () => {
    assert.deepEqual((get('/v1/top') as Top).names, [])
    spectator.seen?.(seenQuery({ name: 'a.test' }))
    spectator.seen?.(seenQuery({ name: 'b.test' }))
    const { names, clients } = get('/v1/top?limit=1') as Top
    assert.deepEqual(names, [{ name: 'a.test.', count: 1, error: 0 }])
    assert.deepEqual(clients, [{ address: '10.244.1.7', pod: '', count: 2, error: 0 }])
    assert.throws(() => get('/v1/top?limit=513'), { status: 400 })
  })

  test('/v1/queries', () => {
    assert.deepEqual(get('/v1/queries'), [])
    spectator.seen?.(seenQuery({ name: 'a.test' }))
    assert.equal((get('/v1/queries?suffix=test') as SeenQuery[]).length, 1)
    assert.deepEqual(get('/v1/queries?suffix=b.test'), [])
    assert.throws(() => get('/v1/queries?client=x'), { status: 400 })
  })

  test('/v1/traffic tells of this process', () => {
    const before = (get('/v1/traffic') as Traffic).total.queries
    clientQueries.count(seenQuery({ name: 'a.test' }))
    const { bounds, total } = get('/v1/traffic') as Traffic
    assert.equal(total.queries, before + 1)
    assert.deepEqual(bounds, TIME_BUCKETS)
    assert.equal(total.latency.length, TIME_BUCKETS.length + 1)
  })
})
