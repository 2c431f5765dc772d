// The built daemon, asked by dig, as an operator sees it: `dnslet top`, the routes behind it, and metrics.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import type { SeenQuery, Top, Traffic } from '../../src/admin/api.ts'
import { findDaemon } from '../../src/commands/admin-client.ts'
import type { Snapshot } from '../../src/commands/top/snapshot.ts'
import { nameText } from '../../src/wire/question.ts'
import { dig } from '../helpers/dig.ts'
import { bin, startDnslet } from '../helpers/dnslet.ts'
import { temporaryFolder } from '../helpers/nsd.ts'
import { freePort } from '../helpers/ports.ts'
import { waitUntil } from '../helpers/processes.ts'
import { scrape, valueOf } from '../telemetry/scrape.ts'
import { startScripted } from '../upstream/scripted.ts'
import { a, message, questionOf } from '../wire/message.ts'

const run = promisify(execFile)
const pod = {
  cniArgs: [
    ['K8S_POD_NAMESPACE', 'shop'],
    ['K8S_POD_NAME', 'web-1'],
  ],
  result: { ips: [{ address: '127.0.0.1/32' }] },
}

test('what a daemon is asked is shown while somebody looks', async (t) => {
  const upstream = await startScripted(t, ({ reply, wire }) => {
    const question = questionOf(wire)
    const name = nameText(wire, question)
    const id = wire.readUInt16BE(0)
    const known = { id, name, type: question.type, answer: [a(name, 300)] }
    reply(message(name.startsWith('no') ? { id, name, type: question.type, flags: 0x8183 } : known))
  })
  const [port, http] = [await freePort(), await freePort()]
  const server = { address: '127.0.0.1', port }
  const results = join(temporaryFolder(t), 'results')
  mkdirSync(results)
  writeFileSync(join(results, 'net-1-eth0'), JSON.stringify(pod))
  const corefile = `test:${port} {
    bind 127.0.0.1
    prometheus 127.0.0.1:${http}
    cache 30
    forward . 127.0.0.1:${upstream.port}
  }`
  const daemon = await startDnslet(t, corefile, {
    ready: server,
    env: { DNSLET_CNI_RESULTS: results },
  })
  const env = { ...process.env, DNSLET_STATE_DIR: join(daemon.folder, 'state') }
  const admin = await findDaemon({ env })
  assert.deepEqual((await admin.get<Top>('/v1/top')).names, [])

  for (const name of ['a.test', 'A.test', 'a.test', 'no.test', 'elsewhere.example']) {
    await dig(server, name, 'A')
  }
  await dig(server, '+tcp', 'a.test', 'A')
  const { names, nxdomainNames, clients, queries } = await admin.get<Top>('/v1/top?limit=5')
  assert.equal(queries, 6)
  assert.deepEqual(names[0], { name: 'a.test.', count: 4, error: 0 })
  assert.deepEqual(nxdomainNames, [{ name: 'no.test.', count: 1, error: 0 }])
  assert.deepEqual(clients, [{ address: '127.0.0.1', pod: 'shop/web-1', count: 6, error: 0 }])

  const seen = await admin.get<SeenQuery[]>('/v1/queries', { suffix: 'test' })
  const [last, , , , first] = seen
  assert.equal(seen.length, 5)
  assert.deepEqual(
    [last?.protocol, last?.name, last?.type, last?.rcode, last?.plugin, last?.pod],
    ['tcp', 'a.test.', 'A', 'NOERROR', 'cache', 'shop/web-1'],
  )
  assert.equal(first?.upstream, `127.0.0.1:${upstream.port}`)
  const refused = await admin.get<SeenQuery[]>('/v1/queries', { rcode: 'REFUSED' })
  assert.deepEqual(
    refused.map(({ name }) => name),
    ['elsewhere.example.'],
  )
  await assert.rejects(
    admin.get('/v1/queries', { client: 'x' }),
    /^\S+ The daemon refuses: "x" is no client: want an IP address$/,
  )
  const traffic = await admin.get<Traffic>('/v1/traffic')
  // The probe of readiness, and the six.
  assert.ok(traffic.total.queries >= 7 && traffic.total.hits >= 3)

  const counted = await scrape(http)
  const value = (name: string, labels = {}): number | undefined => valueOf(counted, name, labels)
  assert.ok(value('dnslet_queries_by_source_total', { source: 'node' })! >= 7)
  assert.equal(value('dnslet_queries_by_source_total', { source: 'pods' }), 0)
  assert.ok(value('dnslet_seconds_since_last_client_query')! < 60)
  const to = `127.0.0.1:${upstream.port}`
  assert.equal(value('dnslet_forward_info', { from: '.', to, block: `test:${port}` }), 1)

  const top = (...args: readonly string[]): Promise<{ stdout: string }> =>
    run(bin, ['top', '--once', '--interval', '200ms', ...args], { env })
  await waitUntil('a second look', async () => {
    const { stdout } = await top('--json')
    const { clients: shown, upstreams } = JSON.parse(stdout) as Snapshot
    return shown[0]?.pod === 'shop/web-1' && upstreams[0]?.address === to
  })
  const { stdout } = await top()
  assert.match(stdout, /^a\.test\. +0 66\.7% {2}no\.test\. +0 16\.7%$/m)
  assert.match(stdout, /^127\.0\.0\.1 shop\/web-1 /m)
})
