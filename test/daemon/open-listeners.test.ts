import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { test, type TestContext } from 'node:test'
import { OpenListeners } from '../../src/daemon/open-listeners.ts'
import type { Runtime } from '../../src/daemon/runtime.ts'
import { Clock } from '../../src/lib/clock.ts'
import { NetCounters } from '../../src/net/counters.ts'
import { Listeners } from '../../src/net/listeners.ts'
import { DEFAULT_LIMITS } from '../../src/net/tcp-limits.ts'
import { dgramBackend } from '../../src/net/udp-dgram.ts'
import type { Handler } from '../../src/serve/plugin.ts'
import { nullLog } from '../helpers/null-log.ts'
import { freePort } from '../helpers/ports.ts'

function open(t: TestContext): { readonly open: OpenListeners; readonly counters: NetCounters } {
  const counters = new NetCounters()
  const udp = dgramBackend('a test')
  const listeners = new Listeners({ udp, clock: new Clock(), counters, log: nullLog })
  const opened = new OpenListeners(listeners)
  t.after(() => opened.closeExcept([]))
  return { open: opened, counters }
}

interface TestRuntime extends Runtime {
  /** Who answers at each port. */
  readonly dispatch: Handler
}

/** A configuration that serves these zones on these ports of 127.0.0.1; 0 as in a Corefile. */
function runtime(...ports: readonly (readonly [port: number, ...zones: string[]])[]): TestRuntime {
  const dispatch: Handler = () => {}
  const endpoints = ports.map(([port, ...zones]) => ({
    name: `127.0.0.1 ${port}`,
    host: '127.0.0.1',
    port,
    scheme: 'dns',
    secure: null,
    limits: DEFAULT_LIMITS,
    blocks: zones.map((zone) => ({ keys: [{ scheme: 'dns', zone, port }] })),
  }))
  return { dispatch, endpoints, server: () => ({ dispatch }) } as unknown as TestRuntime
}

test('what two configurations share stays open, and the new one answers there', async (t) => {
  const { open: listeners } = open(t)
  const [shared, gone, added] = [await freePort(), await freePort(), await freePort()]
  const first = runtime([shared, '.'], [gone, '.'])
  await listeners.serve(first)
  const [kept] = listeners.all
  const second = runtime([shared, '.'], [added, '.'])
  await listeners.serve(second)
  await listeners.closeExcept(second.endpoints)
  assert.deepEqual(
    listeners.all.map(({ port }) => port),
    [shared, added],
  )
  assert.equal(listeners.all[0], kept)
  for (const listener of listeners.all) assert.equal(listener.dispatch, second.dispatch)
})

test('where one address is taken, nothing changes', async (t) => {
  const { open: listeners, counters } = open(t)
  const [shared, free, taken] = [await freePort(), await freePort(), await freePort()]
  const holder = createServer().listen(taken, '127.0.0.1')
  await once(holder, 'listening')
  t.after(() => void holder.close())
  const first = runtime([shared, '.'])
  await listeners.serve(first)
  const failing = runtime([shared, '.'], [free, '.'], [taken, '.'])
  await assert.rejects(listeners.serve(failing), /address already in use/)
  assert.deepEqual(
    listeners.all.map(({ port, dispatch }) => [port, dispatch]),
    [[shared, first.dispatch]],
  )
  assert.deepEqual([counters.udpSockets, counters.tcpListeners], [1, 1])
})

test('undone, the old configuration answers again and what was new is closed', async (t) => {
  const { open: listeners } = open(t)
  const [shared, added] = [await freePort(), await freePort()]
  const first = runtime([shared, '.'])
  await listeners.serve(first)
  const undo = await listeners.serve(runtime([shared, '.'], [added, '.']))
  assert.equal(listeners.all.length, 2)
  await undo()
  assert.deepEqual(
    listeners.all.map(({ port, dispatch }) => [port, dispatch]),
    [[shared, first.dispatch]],
  )
})

test('with port 0 it answers at the port that the kernel chose', async (t) => {
  const { open: listeners } = open(t)
  const chosen = runtime([0, '.'])
  await listeners.serve(chosen)
  const [listener] = listeners.all
  assert.ok(listener!.port > 0)
  assert.equal(listener!.dispatch, chosen.dispatch)
})

test('serving() names those that serve the zone of a name', async (t) => {
  const { open: listeners } = open(t)
  const [cluster, all, closed] = [await freePort(), await freePort(), await freePort()]
  const served = runtime([cluster, 'in-addr.arpa.', 'cluster.local.'], [all, '.'])
  await listeners.serve(served)
  const ports = (name: string): number[] => listeners.serving(served, name).map(({ port }) => port)
  assert.deepEqual(ports('kube-dns.kube-system.svc.cluster.local.'), [cluster, all])
  assert.deepEqual(ports('notcluster.local.'), [all])
  const other = runtime([closed, '.'])
  assert.deepEqual(listeners.serving(other, 'a.test.'), [], 'none that is not open')
})
