// `raw` against nsd and a server that does as it is told, with the C library and without it.
import assert from 'node:assert/strict'
import { describe, test, type TestContext } from 'node:test'
import type { Endpoint } from '../../src/lib/address.ts'
import { openNetwork } from '../../src/load/bench.ts'
import { Origin } from '../../src/load/load.ts'
import { queriesFor } from '../../src/load/message.ts'
import { PacketCounts } from '../../src/load/packet-counts.ts'
import { RawLoad } from '../../src/load/raw-load.ts'
import { Recorder } from '../../src/load/recorder.ts'
import { requireTools } from '../helpers/debian.ts'
import { startNsd } from '../helpers/nsd.ts'
import { address, answer, type Script, ScriptedServer } from './scripted-server.ts'

const networks = { libc: openNetwork({}), dgram: openNetwork({ DNSLET_UDP: 'dgram' }) }

interface Options {
  readonly concurrency?: number
  readonly rate?: number | null
  readonly timeoutMs?: number
  readonly names?: readonly string[]
}

interface Rig {
  readonly load: RawLoad
  readonly recorder: Recorder
  readonly packets: PacketCounts
}

function rig(
  t: TestContext,
  network: keyof typeof networks,
  server: Endpoint,
  options: Options,
): Rig {
  const { concurrency = 20, names = ['www.example.'], rate = null, timeoutMs = 5_000 } = options
  const packets = new PacketCounts()
  const load = new RawLoad({
    openPort: networks[network].openRaw,
    servers: [server],
    queries: names.flatMap((name) => queriesFor(name, [1]) ?? []),
    pace: { concurrency, rate },
    packets,
    origin: new Origin(),
    timeoutMs,
  })
  t.after(() => load.close())
  return { load, packets, recorder: new Recorder(5_000, 10) }
}

const good: Script = ({ query }) => [address(query)]

for (const network of ['libc', 'dgram'] as const) {
  describe(`raw, sockets of ${network}`, () => {
    test('every query is answered once, and a turn ends with its last answer', async (t) => {
      const server = await ScriptedServer.open(t, good)
      const { load, packets, recorder } = rig(t, network, server.endpoint, {
        names: ['a.example.', 'b.example.', 'c.example.'],
      })
      // A busy machine may let a turn pass before a socket of Node's is there.
      for (let turns = 0; turns < 20 && recorder.requests < 200; turns++) {
        await load.turn(100, recorder)
        assert.equal(recorder.requests, server.seen.length)
      }
      assert.ok(recorder.requests >= 200, `${recorder.requests}`)
      assert.equal(recorder.requests, server.seen.length)
      assert.deepEqual(recorder.rcodes, { NOERROR: recorder.requests })
      assert.equal(packets.sent, recorder.requests)
      assert.equal(packets.received, recorder.requests)
      assert.equal(new Set(server.seen.map(({ name }) => name)).size, 3)
      assert.ok(server.ports().size > 1)
    })

    test('what is lost is lost after its time, and what is no answer is not taken', async (t) => {
      const server = await ScriptedServer.open(t, ({ name, query }) => {
        if (name === 'lost.example.') return []
        const other = answer(query, 3)
        other[13]! ^= 1
        return [other, Buffer.alloc(5), name === 'none.example.' ? answer(query, 3) : answer(query)]
      })
      const { load, packets, recorder } = rig(t, network, server.endpoint, {
        names: ['lost.example.', 'none.example.', 'empty.example.'],
        concurrency: 3,
        rate: 200,
        timeoutMs: 100,
      })
      await load.turn(30, recorder)
      assert.deepEqual(Object.keys(recorder.rcodes).toSorted(), ['NODATA', 'NXDOMAIN'])
      assert.ok((recorder.errors.timeout ?? 0) > 0)
      assert.equal(recorder.errorCount, recorder.errors.timeout)
      assert.ok(packets.rejected >= 4)
    })

    test('nobody listens', async (t) => {
      const server = await ScriptedServer.open(t, good)
      server.close()
      const { load, recorder } = rig(t, network, server.endpoint, { rate: 500, timeoutMs: 1_000 })
      await load.turn(30, recorder)
      assert.ok((recorder.errors.refused ?? 0) > 0, JSON.stringify(recorder.errors))
      assert.equal(recorder.errorCount, recorder.requests)
    })

    test('a rate is kept, and what it leaves out is told', async (t) => {
      const server = await ScriptedServer.open(t, good)
      const { load, recorder } = rig(t, network, server.endpoint, { rate: 1_000, concurrency: 500 })
      await load.turn(100, recorder)
      assert.equal(recorder.requests, 100)
      assert.equal(load.unsent, 0)
      const dead = await ScriptedServer.open(t, () => [])
      const slow = rig(t, network, dead.endpoint, {
        rate: 1_000,
        concurrency: 10,
        timeoutMs: 100,
      })
      await slow.load.turn(50, slow.recorder)
      assert.equal(slow.recorder.requests, 10)
      assert.equal(slow.load.unsent, 40)
    })

    test('no percentile is below that of the delays that the server wrote down', async (t) => {
      const waited: number[] = []
      const server = await ScriptedServer.open(t, ({ query, port }) => {
        const from = performance.now()
        const delay = [2, 2, 10, 2, 2, 40, 2, 10, 2, 2][server.seen.length % 10]
        setTimeout(() => {
          waited.push(performance.now() - from)
          server.send(address(query), port)
        }, delay)
        return []
      })
      const { load, recorder } = rig(t, network, server.endpoint, {})
      // None is left out: not the first, nor those that end after the turn's time.
      for (let turns = 0; turns < 20 && recorder.requests < 100; turns++)
        await load.turn(150, recorder)
      assert.ok(recorder.requests >= 100, `${recorder.requests}`)
      assert.equal(recorder.requests, waited.length)
      waited.sort((a, b) => a - b)
      const { avg, max, min, p50, p90, p99, p999 } = recorder.latency()!
      // HdrHistogram rounds the rank, hence the lower of two.
      const reaches = (value: number, wanted: number): void =>
        assert.ok(value >= 0.998 * wanted, `${value}, and the server waited ${wanted}`)
      for (const [percent, value] of [
        [50, p50],
        [90, p90],
        [99, p99],
        [99.9, p999],
      ] as const)
        reaches(value, waited[Math.floor((waited.length * percent) / 100) - 1]!)
      reaches(min, waited[0]!)
      reaches(max, waited.at(-1)!)
      reaches(avg, waited.reduce((sum, ms) => sum + ms, 0) / waited.length)
    })

    test('stopped, the turn ends at once', async (t) => {
      const server = await ScriptedServer.open(t, () => [])
      const { load, recorder } = rig(t, network, server.endpoint, { timeoutMs: 60_000 })
      const turn = load.turn(60_000, recorder)
      while (server.seen.length < 20) await new Promise(setImmediate)
      assert.equal(load.stop(), 20)
      await turn
      assert.equal(recorder.requests, 0)
      assert.equal(load.stop(), 0)
    })
  })
}

test('raw counts what nsd answers', { skip: requireTools('nsd') }, async (t) => {
  const zone = '@ 60 IN SOA ns. root. 1 60 60 60 60\n@ 60 IN NS ns.\nwww 60 IN A 192.0.2.1\n'
  const { address: host, port } = await startNsd(t, { 'example.': zone })
  const { load, packets, recorder } = rig(
    t,
    'libc',
    { host, port },
    {
      names: ['www.example.', 'none.example.'],
      concurrency: 200,
      timeoutMs: 5_000,
    },
  )
  await load.turn(200, recorder)
  assert.equal(recorder.errorCount, 0)
  assert.equal(packets.received, recorder.requests)
  const { NOERROR = 0, NXDOMAIN = 0 } = recorder.rcodes
  assert.ok(NOERROR > 0 && Math.abs(NOERROR - NXDOMAIN) <= 1, JSON.stringify(recorder.rcodes))
})
