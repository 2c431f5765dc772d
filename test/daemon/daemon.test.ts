// What the running daemon tells of itself: readiness, its own checks, its end.
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { Daemon, type DaemonParts } from '../../src/daemon/daemon.ts'
import type { Answering } from '../../src/daemon/status-probe.ts'
import { ByteBudget } from '../../src/lib/byte-budget.ts'
import { Clock } from '../../src/lib/clock.ts'
import { ManualClock } from '../helpers/manual-clock.ts'
import { Holds } from '../../src/lib/holds.ts'
import { NetCounters } from '../../src/net/counters.ts'
import { Listeners } from '../../src/net/listeners.ts'
import type { Listener } from '../../src/net/open-listener.ts'
import { dgramBackend } from '../../src/net/udp-dgram.ts'
import { knownDirectives } from '../../src/plugins/index.ts'
import { type Corefile, CorefileSource, readCorefile } from '../../src/source/corefile-source.ts'
import { Descriptors } from '../../src/sys/descriptors.ts'
import { HttpListeners } from '../../src/telemetry/http.ts'
import { requireTools } from '../helpers/debian.ts'
import { dig } from '../helpers/dig.ts'
import { eventually } from '../helpers/eventually.ts'
import { plainHttp } from '../helpers/http.ts'
import { startNsd, temporaryFolder } from '../helpers/nsd.ts'
import { nullLog } from '../helpers/null-log.ts'
import { freePort } from '../helpers/ports.ts'
import { answers } from '../helpers/probe.ts'
import { testServer } from '../net/test-server.ts'
import { RecordedLog } from '../telemetry/block.ts'

interface Started {
  readonly daemon: Daemon
  readonly log: RecordedLog
}

async function start(
  t: TestContext,
  corefile: string,
  parts: Partial<DaemonParts> = {},
): Promise<Started> {
  const file = join(temporaryFolder(t), 'Corefile')
  writeFileSync(file, corefile)
  const clock = parts.clock ?? new Clock()
  const log = new RecordedLog()
  const udp = dgramBackend('a test')
  const daemon = await Daemon.start({
    source: new CorefileSource(file, { directives: knownDirectives, env: {}, warn: assert.fail }),
    port: 53,
    clock,
    log,
    memory: new ByteBudget(2 ** 20),
    http: plainHttp,
    listeners: new Listeners({ clock, log, udp, counters: new NetCounters() }),
    fatal: assert.fail,
    ...parts,
  })
  t.after(() => daemon.stop())
  return { daemon, log }
}

async function get(port: number, path: string): Promise<[status: number, body: string]> {
  const response = await fetch(`http://127.0.0.1:${port}${path}`)
  return [response.status, await response.text()]
}

test('/ready tells of reasons that others hold, from the start on', async (t) => {
  const port = await freePort()
  const readiness = new Holds()
  readiness.hold('No interception yet')
  const corefile = `.:0 {\n bind 127.0.0.1\n ready 127.0.0.1:${port}\n errors\n}\n`
  const { daemon } = await start(t, corefile, { readiness })
  assert.deepEqual(await get(port, '/ready'), [503, 'No interception yet'])
  daemon.readiness.release('No interception yet')
  assert.deepEqual(await get(port, '/ready'), [200, 'OK'])
})

test('the order to end: not ready at once, healthy and serving until nobody asks', async (t) => {
  const http = await freePort()
  const corefile = `.:0 {
 bind 127.0.0.1
 ready 127.0.0.1:${http}
 health 127.0.0.1:${http} {
  lameduck 10s until idle
 }
 errors
}
`
  const { daemon, log } = await start(t, corefile)
  const { port } = daemon.addresses[0]!
  assert.deepEqual(await get(http, '/ready'), [200, 'OK'])
  const began = performance.now()
  const end = daemon.lameduck().then(() => daemon.stop())
  assert.deepEqual(await get(http, '/ready'), [503, 'Shutting down'])
  for (let i = 0; i < 5; i++) {
    assert.ok(await answers('127.0.0.1', port, 'a.test'))
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  assert.deepEqual(await get(http, '/health'), [200, 'OK'])
  await end
  const took = performance.now() - began
  assert.ok(took > 1_400 && took < 9_500, `${took} ms: a second after the last query`)
  assert.ok(log.texts.includes('info plugin/health: No client asks any more'), String(log.texts))
})

test('once a successor serves, an end needs no farewell', async (t) => {
  const http = await freePort()
  const corefile = `.:0 {\n bind 127.0.0.1\n health 127.0.0.1:${http} {\n  lameduck 1h\n }\n}\n`
  const { daemon } = await start(t, corefile)
  await daemon.stopReading()
  let isOver = false
  void daemon.lameduck().then(() => (isOver = true))
  await eventually(() => isOver, 'the end')
})

test('selfCheck() tells of the vitals first, then of the listeners', async (t) => {
  let problem: string | null = 'the event loop is late'
  const clock = new ManualClock()
  const { daemon } = await start(t, '.:0 {\n bind 127.0.0.1\n errors\n}\n', {
    vitals: () => problem,
    clock,
  })
  assert.equal(await daemon.selfCheck(), 'the event loop is late')
  problem = null
  clock.advance(500)
  assert.equal(await daemon.selfCheck(), 'the event loop is late', 'within half a second')
  clock.advance(1)
  assert.equal(await daemon.selfCheck(), null)
  await daemon.stop()
  clock.advance(1_000)
  assert.equal(await daemon.selfCheck(), 'no listener is open')
})

test('selfQuery() asks where the name is served', async (t) => {
  // Without a plugin that handles queries, a block refuses.
  const corefile = `a.test:0 {\n bind 127.0.0.1\n}\n`
  const { daemon } = await start(t, corefile)
  assert.match(
    (await daemon.selfQuery('x.a.test.')) ?? '',
    /answers REFUSED for x\.a\.test\. over UDP/,
  )
  assert.equal(await daemon.selfQuery('b.test.'), 'no server block serves b.test.')
})

test('selfQuery() is no client, which acl may refuse', async (t) => {
  const nsd = await startNsd(t, { 'a.test.': '@ 60 IN SOA ns h 1 2 3 4 5\n@ 60 IN NS ns\n' })
  const port = await freePort()
  const corefile = `a.test:${port} {
    bind 127.0.0.1
    acl {
      block
    }
    forward . 127.0.0.1:${nsd.port}
  }`
  const { daemon } = await start(t, corefile)
  assert.equal(await daemon.selfQuery('x.a.test.'), null)
  const { status } = await dig({ address: '127.0.0.1', port }, 'x.a.test')
  assert.equal(status, 'REFUSED')
})

test('selfQuery() asks only at the ports of the zone, where a block has several', async (t) => {
  const port = await freePort()
  const block = `a.test:0 b.test:${port} {\n bind 127.0.0.1\n}\n`
  const { daemon } = await start(t, block)
  assert.match(
    (await daemon.selfQuery('b.test.')) ?? '',
    new RegExp(`^dns://127\\.0\\.0\\.1:${port} `),
  )
  assert.match(
    (await daemon.selfQuery('a.test.')) ?? '',
    /^dns:\/\/127\.0\.0\.1:\d+ answers REFUSED for a/,
  )
  assert.doesNotMatch((await daemon.selfQuery('a.test.')) ?? '', new RegExp(`:${port} `))
})

test(
  'lookUp() finds addresses where the name is served, and none elsewhere',
  { skip: requireTools('nsd') },
  async (t) => {
    const zone = `@ 60 IN SOA ns hostmaster 1 7200 1800 86400 5
@ 60 IN NS ns
pods 60 IN A 10.0.0.1
pods 60 IN AAAA fd00::1
`
    const nsd = await startNsd(t, { 'a.test.': zone })
    const corefile = `a.test:0 {\n bind 127.0.0.1\n forward . 127.0.0.1:${nsd.port}\n}\n`
    const { daemon } = await start(t, corefile)
    assert.deepEqual(await daemon.lookUp('pods.a.test.'), ['10.0.0.1', 'fd00::1'])
    assert.deepEqual(await daemon.lookUp('none.a.test.'), [])
    assert.deepEqual(await daemon.lookUp('b.test.'), [])
  },
)

test('who may answer in our place is asked for each check', async (t) => {
  const corefile = '.:0 {\n bind 127.0.0.1\n errors\n}\n'
  let [from, found]: [Answering, boolean] = ['neighbour', false]
  const neighbours = { mayAnswer: () => from, look: () => Promise.resolve(found) }
  const clock = new ManualClock()
  const { daemon } = await start(t, corefile, { freeBind: true, neighbours, clock })
  const check = (): Promise<string | null> => {
    clock.advance(1_000)
    return daemon.selfCheck()
  }
  // It answers like us, and leaves no trace here.
  const listener = daemon.addresses[0] as Listener
  listener.dispatch = testServer().dispatch
  assert.equal(await check(), null)
  from = 'us'
  assert.equal(
    await check(),
    `dns://127.0.0.1:${listener.port} is answered by another process over UDP`,
  )
  from = 'anybody'
  assert.equal(await check(), null)
  from = 'us'
  found = true
  assert.equal(await check(), null, 'nor is it where others serve here as well')
})

test('a daemon whose views take no query of its own may intercept all the same', async (t) => {
  const block = (lines: string): string => `.:0 {\n bind 127.0.0.1\n errors\n ${lines}\n}\n`
  const views = await start(t, block('view pods {\n  expr false\n }'))
  assert.equal(await views.daemon.selfQuery('a.test.'), null)
  const plain = await start(t, '.:0 {\n bind 127.0.0.1\n bufsize\n}\n')
  assert.match((await plain.daemon.selfQuery('a.test.')) ?? '', /answers SERVFAIL/)
})

test('port 0 is a socket of its own for each block', async (t) => {
  const block = (zone: string): string => `${zone}:0 {\n bind 127.0.0.1\n whoami\n}\n`
  const { daemon } = await start(t, block('a.test') + block('b.test'))
  assert.equal(new Set(daemon.addresses.map(({ port }) => port)).size, 2)
})

test('what a plugin finds ends the daemon where its configuration is in force', async (t) => {
  const found: string[] = []
  const corefile = '.:0 {\n bind 127.0.0.1\n whoami\n}\n'
  const { daemon } = await start(t, corefile, { fatal: (message) => void found.push(message) })
  const { life: before } = daemon.runtime.blocks[0]!.context.services
  await daemon.reload()
  before.fatal('too late')
  daemon.runtime.blocks[0]!.context.services.life.fatal('a loop')
  assert.deepEqual(found, ['a loop'])
})

test('a reload that comes while the first configuration still starts waits for it', async (t) => {
  t.mock.timers.enable({ apis: ['setInterval'] })
  const corefile = (rest: string): string =>
    `.:0 {\n bind 127.0.0.1\n errors\n reload 2s 0\n${rest}}\n`
  let text = corefile(` health 127.0.0.1:${await freePort()}\n`)
  let loads = 0
  const load = (): Corefile => {
    loads++
    const reading = { directives: knownDirectives, env: {}, warn: assert.fail }
    return readCorefile({ file: 'Corefile', text }, reading)
  }
  const asked = Promise.withResolvers<void>()
  const free = Promise.withResolvers<void>()
  const http = new HttpListeners({
    log: nullLog,
    async listen(server, host, port) {
      asked.resolve()
      await free.promise
      await new Descriptors().listen(server, 'http', host, port)
    },
  })
  const served: string[] = []
  const inService = (one: Corefile): void => void served.push(one.text)
  const starting = start(t, '', { source: { path: null, load }, http, inService })
  await asked.promise
  text = corefile('')
  t.mock.timers.tick(2_000)
  await nextTurn()
  assert.equal(loads, 1)
  free.resolve()
  await starting
  await eventually(() => served.at(-1) === text, 'the new one')
  assert.deepEqual(http.held(), [])
})

test('a reload that has only begun ends with the daemon', async (t) => {
  const corefile = (name: string): string => `${name}:0 {\n bind 127.0.0.1\n errors\n}\n`
  let text = corefile('a.test')
  let whenLoaded = (): void => {}
  const load = (): Corefile => {
    whenLoaded()
    const reading = { directives: knownDirectives, env: {}, warn: assert.fail }
    return readCorefile({ file: 'Corefile', text }, reading)
  }
  const served: string[] = []
  const inService = (one: Corefile): void => void served.push(one.text)
  const { daemon, log } = await start(t, '', { source: { path: null, load }, inService })
  await eventually(() => served.length === 1, 'the first one')
  text = corefile('b.test')
  // While the code of plugins is loaded.
  whenLoaded = () => queueMicrotask(() => void daemon.stop())
  await daemon.reload()
  assert.deepEqual(served, [corefile('a.test')])
  assert.ok(log.texts.includes('error Restart failed: the daemon shuts down'), String(log.texts))
})
