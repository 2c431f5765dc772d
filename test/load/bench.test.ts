import assert from 'node:assert/strict'
import { describe, test, type TestContext } from 'node:test'
import { bench, openNetwork, type Progress } from '../../src/load/bench.ts'
import { type BenchPlan, turnsOf } from '../../src/load/plan.ts'
import { resolverConfig } from '../../src/load/resolv-conf.ts'
import type { BenchResult } from '../../src/load/result.ts'
import { address, type Script, ScriptedServer } from './scripted-server.ts'

const network = openNetwork({})
const good: Script = ({ query }) => [address(query)]

function planFor(
  servers: readonly ScriptedServer[],
  clients: readonly string[],
  more: Partial<BenchPlan> = {},
  timeoutMs = 5_000,
): BenchPlan {
  const config = { ...resolverConfig(''), timeoutMs }
  return {
    hosts: ['a.example.', 'b.example.'],
    concurrency: 4,
    seconds: 0.1,
    limitMs: 5_000,
    rate: null,
    types: [1, 28],
    notes: [],
    runs: servers.flatMap(({ endpoint }, i) =>
      clients.map((client) => {
        const server = `server ${i}`
        return {
          server,
          client,
          label: `${client} ${server}`,
          config: { ...config, servers: [endpoint] },
        }
      }),
    ),
    ...more,
  }
}

function run(plan: BenchPlan, stop = new AbortController().signal): Promise<BenchResult> {
  return bench(plan, network, stop)
}

async function open(t: TestContext, ...scripts: Script[]): Promise<ScriptedServer[]> {
  return Promise.all(scripts.map((script) => ScriptedServer.open(t, script)))
}

describe('a bench', () => {
  test('measures each run, and says how', async (t) => {
    const servers = await open(t, good, good)
    const result = await run(planFor(servers, ['glibc', 'go', 'tcp']))
    assert.deepEqual(
      result.runs.map(({ label }) => label),
      [
        'glibc server 0',
        'go server 0',
        'tcp server 0',
        'glibc server 1',
        'go server 1',
        'tcp server 1',
      ],
    )
    for (const one of result.runs) {
      assert.ok(one.requests > 0, one.label)
      assert.equal(one.errorCount, 0)
      assert.deepEqual(one.rcodes, { NOERROR: one.requests })
      assert.equal(one.packets?.sent, 2 * one.requests)
      assert.equal(one.packets.received, 2 * one.requests)
      assert.equal(
        one.histogram.reduce((sum, { count }) => sum + count, 0),
        one.requests,
      )
      assert.equal(
        one.timeline.reduce((sum, { requests }) => sum + requests, 0),
        one.requests,
      )
      assert.ok(one.seconds >= 0.1)
      assert.ok(Math.abs(one.perSecond - one.requests / one.seconds) < 1e-6)
    }
    assert.equal(result.interrupted, false)
    assert.equal(result.options.hostCount, 2)
    assert.deepEqual(result.options.types, ['A', 'AAAA'])
    // What it says is plain JSON.
    assert.deepEqual(JSON.parse(JSON.stringify(result)), result)
  })

  test('runs take turns', async (t) => {
    const order: number[] = []
    const at =
      (server: number): Script =>
      ({ query }) => {
        if (order.at(-1) !== server) order.push(server)
        return [address(query)]
      }
    await run(planFor(await open(t, at(0), at(1)), ['glibc']))
    assert.deepEqual(order, [0, 1, 0, 1, 0, 1, 0, 1, 0, 1])
  })

  test('one run has one turn; long ones have short turns', () => {
    const plan = (runs: number, seconds: number): BenchPlan => {
      const base = planFor([], [])
      const one = { server: '', client: 'glibc', label: '', config: resolverConfig('') }
      return { ...base, seconds, runs: Array.from({ length: runs }, () => one) }
    }
    assert.equal(turnsOf(plan(1, 600)), 1)
    assert.equal(turnsOf(plan(2, 30)), 5)
    assert.equal(turnsOf(plan(2, 600)), 60)
  })

  test('a rate is kept, however the answers come', async (t) => {
    const servers = await open(t, good)
    const result = await run(planFor(servers, ['glibc'], { rate: 100, seconds: 0.2 }))
    assert.equal(result.runs[0]?.requests, 20)
    const dead = await open(t, () => [])
    const slow = await run(
      planFor(dead, ['musl'], { rate: 1_000, concurrency: 3, seconds: 0.05 }, 100),
    )
    assert.equal(slow.runs[0]?.requests, 3)
    assert.match(slow.notes.join('\n'), /47 requests were due and never sent.*raise -c/)
  })

  test('latencies of a rate count from when a look-up was due', async (t) => {
    // The first answer comes late, and one look-up at a time is allowed: all others wait for it.
    const [server] = await open(t, ({ before, name, query, type }) => {
      return before === 0 && name === 'a.example.' && type === 1 ? [] : [address(query)]
    })
    const pace = { rate: 500, concurrency: 1, seconds: 0.05, types: [1] }
    const plan = planFor([server!], ['go'], pace, 100)
    const { latency, requests } = (await run(plan)).runs[0]!
    assert.ok(requests >= 1 && latency !== null)
    assert.ok(latency.max >= 95, `${latency.max}`)
  })

  test('stopped, it has what was measured so far', async (t) => {
    const controller = new AbortController()
    const servers = await open(
      t,
      ({ query }) => {
        if (servers[0]!.seen.length > 20) setImmediate(() => controller.abort())
        return [address(query)]
      },
      good,
    )
    const plan = planFor(servers, ['glibc'], { seconds: 3_600 })
    const result = await run(plan, controller.signal)
    assert.equal(result.interrupted, true)
    const [first, second] = result.runs
    assert.ok(first !== undefined && first.requests > 0)
    assert.equal(first.errorCount, 0)
    assert.equal(second?.requests, 0)
    assert.equal(second.latency, null)
    assert.match(result.notes.join('\n'), /under way when it was ended/)
  })

  test('stopped before it begins, it ends', async (t) => {
    const result = await run(planFor(await open(t, good), ['raw']), AbortSignal.abort())
    assert.equal(result.runs[0]?.requests, 0)
  })

  test('raw asks for each type of each host', async (t) => {
    const [server] = await open(t, good)
    const { runs } = await run(planFor([server!], ['raw']))
    assert.ok(runs[0]!.requests > 0)
    assert.equal(new Set(server!.asked()).size, 4)
  })

  test('progress is told while it runs', async (t) => {
    const told: Progress[] = []
    const plan = planFor(await open(t, good), ['glibc'], { seconds: 1.2 })
    await bench(plan, network, new AbortController().signal, (now) => told.push(now))
    assert.ok(told.length > 0)
    assert.equal(told[0]?.label, 'glibc server 0')
    assert.ok(told.at(-1)!.requests > 0)
    assert.equal(told[0].totalSeconds, 1.2)
  })

  test('getaddrinfo itself, for a name of /etc/hosts', async () => {
    const config = { ...resolverConfig(''), servers: [{ host: '127.0.0.1', port: 53 }] }
    const runs = [{ server: 'system', client: 'system', label: 'system', config }]
    const plan = { ...planFor([], []), hosts: ['localhost'], concurrency: 1, runs }
    for (const types of [[1, 28], [1]]) {
      const result = await run({ ...plan, types })
      assert.ok(
        (result.runs[0]?.rcodes['NOERROR'] ?? 0) > 0,
        JSON.stringify(result.runs[0]?.errors),
      )
      assert.equal(result.runs[0]?.packets, null)
    }
  })

  test('without the C library it says so', async (t) => {
    const plan = planFor(await open(t, good), ['glibc'])
    const { notes, runs } = await bench(
      plan,
      openNetwork({ DNSLET_UDP: 'dgram' }),
      new AbortController().signal,
    )
    assert.ok(runs[0]!.requests > 0)
    assert.match(notes.join('\n'), /Sockets are those of Node.js/)
  })
})
