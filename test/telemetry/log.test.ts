import assert from 'node:assert/strict'
import { execFileSync, spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, constants, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { PassThrough } from 'node:stream'
import { test } from 'node:test'
import { printDebugLines } from '../../src/telemetry/log-level.ts'
import { createLog } from '../../src/telemetry/log.ts'

const flood = new URL('log-flood.ts', import.meta.url).pathname

interface Report {
  readonly delayMs: number
  readonly dropped: number
  readonly flushed: boolean
  readonly heap: number
}

/** Floods the pipe to `reader`: `sh` makes it a pipe as containerd does (Node would make a socket). */
function spawnFlood(format: string, lines: number, reader: string): ChildProcess {
  const command = `"$0" "$1" ${format} ${lines} | ${reader}`
  return spawn('sh', ['-c', command, process.execPath, flood], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
}

async function reportOf(child: ChildProcess): Promise<Report> {
  const [line] = await Promise.all([text(child.stderr!), once(child, 'exit')])
  return JSON.parse(line) as Report
}

async function collect(write: (stream: PassThrough) => Promise<void>): Promise<string> {
  const stream = new PassThrough()
  await write(stream)
  stream.end()
  return text(stream)
}

test('text lines look like those of CoreDNS, with plugin prefix and without time', async () => {
  const lines = await collect(async (stream) => {
    const log = await createLog({ format: 'text', stream })
    log.info('Reloading')
    log.plugin('errors').error('2 x. A: timeout')
    log.warning('careful')
    log.fatal('over')
    assert.equal(await log.flush(20_000), true)
  })
  assert.equal(
    lines,
    '[INFO] Reloading\n[ERROR] plugin/errors: 2 x. A: timeout\n[WARNING] careful\n[FATAL] over\n',
  )
})

test('JSON lines carry level, time, message, plugin and fields', async () => {
  const lines = await collect(async (stream) => {
    const log = await createLog({ format: 'json', stream })
    log.plugin('forward').warning('upstream is down', { to: '10.0.0.1:53' })
    await log.flush(20_000)
  })
  const { time, ...rest } = JSON.parse(lines) as Record<string, unknown>
  assert.deepEqual(rest, {
    level: 'warning',
    plugin: 'forward',
    to: '10.0.0.1:53',
    msg: 'upstream is down',
  })
  assert.match(String(time), /^\d{4}-\d\d-\d\dT[\d:.]+Z$/)
})

for (const format of ['text', 'json'] as const) {
  test(`${format}: debug lines appear while somebody wants them, also for plugins' logs`, async () => {
    const lines = await collect(async (stream) => {
      const log = await createLog({ format, stream })
      const plugin = log.plugin('cache')
      plugin.debug('first')
      const end = printDebugLines()
      plugin.debug('second')
      end()
      end()
      plugin.debug('third')
      await log.flush(20_000)
    })
    assert.equal(lines.includes('second'), true)
    assert.equal(lines.split('\n').length, 2)
  })
}

test('a percent sign in a message is left alone', async () => {
  const lines = await collect(async (stream) => {
    const log = await createLog({ format: 'json', stream })
    log.info('100%s of %d')
    await log.flush(20_000)
  })
  assert.equal((JSON.parse(lines) as { msg: string }).msg, '100%s of %d')
})

for (const format of ['text', 'json']) {
  test(`${format}: a standard output nobody reads drops lines, and neither delays nor holds the process`, async (t) => {
    const directory = mkdtempSync(join(tmpdir(), 'dnslet-log-'))
    const fifo = join(directory, 'stdout')
    execFileSync('mkfifo', [fifo])
    const pipe = openSync(fifo, constants.O_RDWR)
    t.after(() => {
      closeSync(pipe)
      rmSync(directory, { recursive: true })
    })
    const child = spawn(process.execPath, [flood, format, '100000'], {
      stdio: ['ignore', pipe, 'pipe'],
    })
    const [line, [code]] = await Promise.all([text(child.stderr!), once(child, 'exit')])
    const report = JSON.parse(line) as Report
    // A write that blocks would hold it for good.
    assert.ok(report.delayMs < 10_000, `event loop was ${report.delayMs} ms late`)
    assert.ok(report.dropped > 50_000, `${report.dropped} lines dropped`)
    assert.ok(report.heap < 64e6, `heap is ${report.heap}`)
    assert.deepEqual([report.flushed, code], [false, 3])
  })
}

test('a process that ends at once has its last line in the file that standard output is', (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'dnslet-log-'))
  const path = join(directory, 'log')
  const file = openSync(path, 'w')
  t.after(() => {
    closeSync(file)
    rmSync(directory, { recursive: true })
  })
  const source = (name: string): string => JSON.stringify(import.meta.resolve(`../../src/${name}`))
  const lines = `
    const { libc } = await import(${source('sys/libc.ts')})
    const { createLog } = await import(${source('telemetry/log.ts')})
    libc()
    const log = await createLog({ format: 'text' })
    log.warning('the last word')
    process.exit(1)`
  spawnSync(process.execPath, ['--input-type=module', '-e', lines], { stdio: ['ignore', file, 2] })
  assert.equal(readFileSync(path, 'utf8'), '[WARNING] the last word\n')
})

test('a standard output that is closed does not end the process', async () => {
  const report = await reportOf(spawnFlood('json', 20_000, 'true'))
  assert.ok(report.dropped > 10_000)
  assert.equal(report.flushed, false)
})

test('a standard output that is read loses nothing', async () => {
  const child = spawnFlood('text', 20_000, 'grep -c "^.INFO. 127.0.0.1:40000 - "')
  const [count, report] = await Promise.all([text(child.stdout!), reportOf(child)])
  assert.deepEqual([Number(count) + report.dropped, report.flushed], [20_000, true])
})
