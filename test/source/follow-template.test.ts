import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { knownDirectives } from '../../src/plugins/index.ts'
import { followTemplate } from '../../src/source/follow-template.ts'
import { TemplateSource } from '../../src/source/template-source.ts'
import { UpstreamService } from '../../src/source/template/upstream-service.ts'
import { mountConfigMap } from '../helpers/config-map.ts'
import { LinesLog } from '../helpers/lines-log.ts'
import { temporaryFolder } from '../helpers/nsd.ts'
import { waitUntil } from '../helpers/processes.ts'

/** A template that is followed; what it forwards to can be looked up once `found` is set. */
function follow(t: TestContext, env: Readonly<Record<string, string>> = {}) {
  const folder = temporaryFolder(t)
  const base = join(folder, 'coredns', 'base')
  mkdirSync(join(folder, 'coredns'))
  writeFileSync(base, 'cluster.local {\n  forward . __PILLAR__CLUSTER__DNS__\n}\n')
  const kubeDns = join(folder, 'kube-dns')
  const log = new LinesLog()
  const state = { changes: 0, lookups: [] as string[], found: [] as string[] }
  const lookup = (name: string): Promise<readonly string[]> => {
    state.lookups.push(name)
    return Promise.resolve(state.found)
  }
  const upstream = new UpstreamService({
    service: 'up',
    env,
    localIps: [],
    lookup,
    lookupAt: lookup,
  })
  const directives = knownDirectives
  const conf = join(folder, 'Corefile')
  const parts = { base, kubeDns, upstream, log, conf, prometheus: ':9253' }
  const source = new TemplateSource({ ...parts, port: 53, localIps: [], env: {}, directives })
  source.load()
  const start = (): void => {
    const changed = (): void => void state.changes++
    const stop = followTemplate({
      ...parts,
      source,
      service: 'up',
      syncIntervalMs: 30_000,
      changed,
    })
    t.after(stop)
  }
  return { start, state, log, base, kubeDns }
}

async function settle(): Promise<void> {
  for (let i = 0; i < 20; i++) await Promise.resolve()
}

test('a change of the base file and of the ConfigMap is seen at once', async (t) => {
  const { start, state, base, kubeDns } = follow(t, { UP_SERVICE_HOST: '10.96.7.7' })
  mountConfigMap(kubeDns, { stubDomains: '{}' })
  start()
  const seen = async (act: () => void): Promise<void> => {
    const before = state.changes
    act()
    await waitUntil('the change', () => state.changes > before)
  }
  await seen(() => writeFileSync(base, '. {\n}\n'))
  await seen(() => mountConfigMap(kubeDns, { stubDomains: '{"a.test": ["192.0.2.1"]}' }))
})

test('every ten seconds it is looked for what no notification told, a new directory included', async (t) => {
  t.mock.timers.enable({ apis: ['setInterval'] })
  const { start, state, kubeDns } = follow(t, { UP_SERVICE_HOST: '10.96.7.7' })
  start()
  t.mock.timers.tick(10_000)
  assert.equal(state.changes, 0, 'nothing has changed')
  mountConfigMap(kubeDns, { stubDomains: '{}' })
  t.mock.timers.tick(9_999)
  assert.equal(state.changes, 0)
  t.mock.timers.tick(1)
  assert.equal(state.changes, 1)
  mountConfigMap(kubeDns, { stubDomains: '{"a.test": ["192.0.2.1"]}' })
  const deadline = performance.now() + 20_000
  while (state.changes === 1 && performance.now() < deadline) {
    await new Promise((resolve) => setImmediate(resolve))
  }
  assert.ok(state.changes > 1, 'from now on it is watched')
})

test('a missing Service is sought every second for a minute, then every sync interval; said once', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout', 'setInterval'] })
  const { start, state, log } = follow(t)
  start()
  assert.deepEqual(state.lookups, [])
  for (let i = 0; i < 60; i++) {
    t.mock.timers.tick(1_000)
    await settle()
  }
  assert.equal(state.lookups.length, 60)
  assert.equal(state.lookups[0], 'up.kube-system.svc.cluster.local')
  t.mock.timers.tick(29_000)
  await settle()
  assert.equal(state.lookups.length, 60)
  state.found = ['10.96.7.7']
  t.mock.timers.tick(1_000)
  await settle()
  assert.equal(state.changes, 1)
  assert.deepEqual(log.lines.slice(1), ['[INFO] Upstream service up has the address 10.96.7.7'])
  assert.match(log.lines[0]!, /^\[WARNING\] Unable to lookup IP address of Upstream service up: /)
  state.found = ['10.96.8.8']
  t.mock.timers.tick(30_000)
  await settle()
  assert.match(log.lines.at(-1)!, /has the address 10\.96\.8\.8$/)
  assert.equal(state.changes, 2)
})
