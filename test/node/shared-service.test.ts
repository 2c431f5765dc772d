import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { test } from 'node:test'

import { foreignSocketsMetric, SharedService } from '../../src/node/shared-service.ts'
import { announcePresence } from '../../src/host/presence.ts'
import { Holds } from '../../src/lib/holds.ts'
import { exposition } from '../../src/telemetry/metrics.ts'
import { LinesLog } from '../helpers/lines-log.ts'
import type { Owner } from '../helpers/processes.ts'

const LISTEN = `const socket = require('node:dgram').createSocket('udp4')
socket.bind(Number(process.argv[1]), '127.0.0.1', () => console.log(socket.address().port))`

/** Another process that listens; how to end it. */
async function other(owner: Owner, at = 0): Promise<{ port: number; end: () => Promise<unknown> }> {
  const child = spawn(process.execPath, ['-e', LISTEN, String(at)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const exited = once(child, 'exit')
  const end = (): Promise<unknown> => {
    child.kill('SIGKILL')
    return exited
  }
  owner.after(() => void end())
  const [line] = (await once(child.stdout, 'data')) as [Buffer]
  return { port: Number(line.toString()), end }
}

function ignore(): void {}

test('sockets are shared for a minute, and as long as the other one serves', async (t) => {
  const { port, end } = await other(t)
  const readiness = new Holds()
  const addresses = [{ host: '127.0.0.1', port }]
  const daemon = { sharesSockets: false, sharePort: ignore, readiness, addresses }
  let alone = 0
  const shared = new SharedService(daemon, new LinesLog(), () => void alone++, false)
  t.mock.timers.enable({ apis: ['setInterval'] })
  shared.begin(true)
  assert.equal(daemon.sharesSockets, true)
  assert.deepEqual(readiness.reasons, ['A dnslet of another version starts'])
  for (let i = 0; i < 100; i++) assert.equal(await shared.lasts(), true)
  await end()
  assert.equal(await shared.lasts(), false, 'gone')
  assert.equal(daemon.sharesSockets, false)
  assert.deepEqual([readiness.reasons, alone], [[], 1])
  shared.begin(false)
  assert.deepEqual(readiness.reasons, [], 'the newer one is as ready as it is')
  for (let i = 0; i < 12; i++) await shared.look()
  assert.equal(daemon.sharesSockets, true, 'it may be starting')
  await shared.look()
  assert.equal(daemon.sharesSockets, false)
})

test('others that come and go are noticed, each time', async (t) => {
  const first = await other(t)
  const readiness = new Holds()
  const at = { host: '127.0.0.1', port: first.port }
  const open: boolean[] = []
  const sharePort = (shared: boolean): void => void open.push(shared)
  const daemon = { sharesSockets: false, sharePort, readiness, addresses: [at] }
  const log = new LinesLog()
  let alone = 0
  let now = 1_000
  t.mock.method(performance, 'now', () => now)
  const shared = new SharedService(daemon, log, () => void alone++, false)
  t.mock.timers.enable({ apis: ['setInterval'] })
  shared.follow()
  t.mock.timers.tick(5_000)
  // The look that has begun.
  assert.equal(await shared.look(), true)
  assert.equal(daemon.sharesSockets, true)
  assert.deepEqual(open, [true])
  assert.deepEqual(readiness.reasons, [], 'it is as ready as before')
  await first.end()
  assert.equal(await shared.look(), false)
  assert.deepEqual([daemon.sharesSockets, alone], [false, 1])
  assert.equal(await shared.look(), false)
  assert.equal(alone, 1)
  now += 599_999
  await shared.look()
  assert.equal(open.at(-1), true, 'it may be starting again')
  now += 1
  await shared.look()
  assert.equal(open.at(-1), false, 'who is alone keeps others out')
  const second = await other(t, first.port)
  assert.equal(await shared.look(), true)
  assert.equal(daemon.sharesSockets, true)
  await second.end()
  await shared.look()
  assert.deepEqual([daemon.sharesSockets, alone], [false, 2])
  const told = new RegExp(
    `^\\[WARNING\\] Another process serves 127.0.0.1:${first.port} as well and gets a part of the ` +
      `queries: process \\d+ \\(.*\\) of user \\d+$`,
  )
  assert.equal(log.lines.length, 4)
  for (const i of [0, 2]) assert.match(log.lines[i]!, told)
  for (const i of [1, 3]) {
    assert.equal(log.lines[i], '[INFO] No other process serves these addresses any more')
  }
  const { body } = await exposition('', [foreignSocketsMetric])
  assert.doesNotMatch(body, /dnslet_foreign_sockets\{/)
})

test('who serves as well is named in the metrics, a dnslet is no stranger', async (t) => {
  const { port } = await other(t)
  const at = { host: '127.0.0.1', port }
  const readiness = new Holds()
  const daemon = { sharesSockets: false, sharePort: ignore, readiness, addresses: [at] }
  const log = new LinesLog()
  const own = { addresses: ['127.0.0.1'], port, interfaceName: 'a', scope: '' }
  for (const presence of [own, own]) {
    const announced = await announcePresence(presence)
    t.after(() => announced?.stop())
  }
  assert.equal(await new SharedService(daemon, log, () => {}, false).look(), true)
  assert.deepEqual(log.lines, [
    `[INFO] Another dnslet serves 127.0.0.1:${port} as well: each gets a part of the queries`,
  ])
  const { body } = await exposition('', [foreignSocketsMetric])
  const series = /^dnslet_foreign_sockets\{address="(.*?)",user="\d+",process="dnslet"\} 1$/m
  assert.equal(series.exec(body)?.[1], `127.0.0.1:${port}`)
})

test('others are kept out, unless one is to come', async (t) => {
  const open: boolean[] = []
  const sharePort = (shared: boolean): void => void open.push(shared)
  const daemon = { sharesSockets: false, sharePort, readiness: new Holds(), addresses: [] }
  const service = (isOpen: boolean): SharedService =>
    new SharedService(daemon, new LinesLog(), () => {}, isOpen)
  const last = async (shared: SharedService): Promise<boolean | undefined> => {
    await shared.look()
    return open.at(-1)
  }
  let now = 1_000
  t.mock.method(performance, 'now', () => now)
  const shared = service(false)
  assert.equal(await last(shared), false)
  shared.asked()
  assert.equal(open.at(-1), true, 'before the other dnslet has its answer')
  now += 59_999
  assert.equal(await last(shared), true)
  now += 1
  assert.equal(await last(shared), false)
  shared.begin(false)
  assert.equal(open.at(-1), true, 'a dnslet of another version')
  for (let i = 0; i < 13; i++) await shared.look()
  assert.equal(open.at(-1), false)
  shared.leave()
  assert.equal(open.at(-1), true, 'whoever comes when this one goes')
  assert.equal(await last(service(true)), true)
})
