import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { parsePrefix } from '../../src/corefile/ip.ts'
import { clientMetrics, followNetworks } from '../../src/daemon/client-sources.ts'
import { Daemon } from '../../src/daemon/daemon.ts'
import { ByteBudget } from '../../src/lib/byte-budget.ts'
import { Clock } from '../../src/lib/clock.ts'
import { NetCounters } from '../../src/net/counters.ts'
import { Listeners } from '../../src/net/listeners.ts'
import { dgramBackend } from '../../src/net/udp-dgram.ts'
import { knownDirectives } from '../../src/plugins/index.ts'
import { clientQueries, ClientQueries } from '../../src/serve/client-queries.ts'
import { Query } from '../../src/serve/query.ts'
import { spectator } from '../../src/serve/spectator.ts'
import { CorefileSource } from '../../src/source/corefile-source.ts'
import { clientSockaddr } from '../../src/sys/sockaddr.ts'
import { ask as askServer } from '../../src/upstream/ask.ts'
import { Type } from '../../src/wire/codes.ts'
import { makeQuery } from '../../src/wire/query.ts'
import { nameText } from '../../src/wire/question.ts'
import { plainHttp } from '../helpers/http.ts'
import { temporaryFolder } from '../helpers/nsd.ts'
import { nullLog } from '../helpers/null-log.ts'
import { FakeTarget } from '../serve/fake-target.ts'

function ask(queries: ClientQueries, address: string, at: number): void {
  const q = new Query(new FakeTarget())
  q.reset(Buffer.alloc(12), 12, at)
  q.client = clientSockaddr(address, 40_000)
  queries.count(q)
}

test('the networks are looked at for a new client, every five seconds at most', async () => {
  const queries = new ClientQueries()
  let now = 1_000
  let looks = 0
  const pods = [parsePrefix('10.244.1.0/24')!]
  const look = (): Promise<{ node: []; pods: typeof pods }> => {
    looks++
    return Promise.resolve({ node: [], pods })
  }
  followNetworks(look, queries, () => now)
  assert.equal(looks, 1)
  await Promise.resolve()
  ask(queries, '10.244.1.7', now)
  assert.equal(looks, 1)
  assert.deepEqual(queries.bySource(), [0, 0, 0])
  now += 5_000
  // A scrape comes before another client does.
  queries.bySource()
  assert.equal(looks, 2)
  await Promise.resolve()
  assert.deepEqual(queries.bySource(), [1, 0, 0])
  for (let i = 0; i < 250; i++) ask(queries, `10.244.1.${i}`, now)
  assert.equal(looks, 2)
})

test('metrics tell of all three sources, and of silence since the start or the last query', () => {
  const queries = new ClientQueries()
  let now = 1_000
  const metrics = clientMetrics(queries, () => now)
  const read = (): Record<string, number> => {
    const values: Record<string, number> = {}
    for (const metric of metrics) {
      metric.collect((labels, value) => {
        values[[metric.name, ...labels].join(' ')] = value as number
      })
    }
    return values
  }
  now += 2_500
  assert.deepEqual(read(), {
    'dnslet_queries_by_source_total pods': 0,
    'dnslet_queries_by_source_total node': 0,
    'dnslet_queries_by_source_total others': 0,
    dnslet_seconds_since_last_client_query: 2.5,
  })
  ask(queries, '127.0.0.1', now)
  now += 1_000
  const after = read()
  assert.equal(after['dnslet_queries_by_source_total node'], 1)
  assert.equal(after['dnslet_seconds_since_last_client_query'], 1)
})

test('queries that no block takes are counted and seen, self-checks are not', async (t) => {
  const folder = temporaryFolder(t)
  const file = join(folder, 'Corefile')
  writeFileSync(file, 'served.test:0 {\n bind 127.0.0.1\n errors\n}\n')
  const clock = new Clock()
  const udp = dgramBackend('a test')
  const daemon = await Daemon.start({
    source: new CorefileSource(file, { directives: knownDirectives, env: {}, warn: assert.fail }),
    port: 53,
    clock,
    log: nullLog,
    memory: new ByteBudget(2 ** 20),
    http: plainHttp,
    listeners: new Listeners({ clock, log: nullLog, udp, counters: new NetCounters() }),
    fatal: assert.fail,
  })
  const seen: string[] = []
  spectator.seen = (q) => void seen.push(`${nameText(q.wire, q.question)} ${q.rcode}`)
  t.after(() => {
    spectator.seen = null
    return daemon.stop()
  })
  const before = clientQueries.total
  const [at] = daemon.addresses
  assert.equal(await daemon.selfCheck(), null)
  assert.equal(clientQueries.total, before)
  const query = makeQuery(7, 0, 'other.test.', Type.A)!
  await Promise.all([
    askServer({ protocol: 'udp', ...at! }, query, { timeoutMs: 2_000 }),
    askServer({ protocol: 'tcp', ...at! }, query, { timeoutMs: 2_000 }),
  ])
  assert.equal(clientQueries.total, before + 2)
  assert.deepEqual(seen, ['other.test. 5', 'other.test. 5'])
})
