import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import {
  CorefileWatcher,
  type ReloadCounters,
  reloadCounters,
  reloadMetrics,
} from '../../src/daemon/reload.ts'
import type { Log } from '../../src/lib/log.ts'
import { CorefileSource } from '../../src/source/corefile-source.ts'
import { watchFile } from '../../src/source/watch-directory.ts'
import { exposition } from '../../src/telemetry/metrics.ts'
import { temporaryFolder } from '../helpers/nsd.ts'
import { nullLog } from '../helpers/null-log.ts'
import { waitUntil } from '../helpers/processes.ts'

interface Loaded {
  readonly hash: string
  readonly blocks: readonly []
}

/** A watcher over a Corefile that is a variable, in time that stands still. */
class Bench {
  /** What the Corefile says; an Error cannot be read. */
  corefile: string | Error = 'one'
  loads = 0
  readonly applied: string[] = []
  readonly lines: string[] = []
  readonly counters: ReloadCounters = { failed: 0, refused: null, version: null }
  /** What applying a configuration does besides: fail, wait, ask for another schedule. */
  onApply: (hash: string) => Promise<void> | void = () => {}
  random = 0.5
  /** Listeners of the notification, those ended removed. */
  readonly notified = new Set<() => void>()
  readonly watcher: CorefileWatcher<Loaded>

  constructor(t: TestContext) {
    t.mock.timers.enable({ apis: ['setTimeout', 'setInterval'] })
    this.watcher = new CorefileWatcher({
      running: 'one',
      load: () => this.#load(),
      apply: async ({ hash }) => {
        await this.onApply(hash)
        this.applied.push(hash)
      },
      log: this.#log(''),
      counters: this.counters,
      notify: (changed) => {
        this.notified.add(changed)
        return () => this.notified.delete(changed)
      },
      random: () => this.random,
    })
  }

  #load(): Loaded {
    this.loads++
    if (this.corefile instanceof Error) throw this.corefile
    return { hash: this.corefile, blocks: [] }
  }

  #log(prefix: string): Log {
    const line = (level: string) => (message: string) =>
      void this.lines.push(`[${level}] ${prefix}${message}`)
    return {
      debug: line('DEBUG'),
      info: line('INFO'),
      warning: line('WARNING'),
      error: line('ERROR'),
      fatal: line('FATAL'),
      plugin: (name) => this.#log(`plugin/${name}: `),
    }
  }

  /** Lets what is under way come to rest. */
  async settle(): Promise<void> {
    for (let i = 0; i < 20; i++) await Promise.resolve()
  }
}

async function tick(t: TestContext, bench: Bench, ms: number): Promise<void> {
  t.mock.timers.tick(ms)
  await bench.settle()
}

test('a poll applies what is new, once', async (t) => {
  const bench = new Bench(t)
  bench.onApply = () => bench.watcher.watch(30_000, 0)
  bench.watcher.watch(30_000, 0)
  await tick(t, bench, 30_000)
  assert.deepEqual(bench.applied, [])
  bench.corefile = 'two'
  await tick(t, bench, 29_999)
  assert.deepEqual(bench.applied, [])
  await tick(t, bench, 1)
  assert.deepEqual(bench.applied, ['two'])
  await tick(t, bench, 90_000)
  assert.deepEqual(bench.applied, ['two'])
  assert.deepEqual(bench.counters, { failed: 0, refused: null, version: 'two' })
  assert.deepEqual(bench.lines, [
    '[INFO] plugin/reload: Running configuration SHA512 = one',
    '[INFO] Reloading',
    '[INFO] plugin/reload: Running configuration SHA512 = two',
    '[INFO] Reloading complete',
  ])
})

test('the jitter moves the period by half of it at most, drawn once per configuration', async (t) => {
  for (const [random, period] of [
    [0, 22_500],
    [0.5, 30_000],
    [0.999, 37_485],
  ] as const) {
    t.mock.timers.reset()
    const bench = new Bench(t)
    bench.random = random
    bench.watcher.watch(30_000, 15_000)
    await tick(t, bench, period - 1)
    assert.equal(bench.loads, 0)
    await tick(t, bench, 1)
    await tick(t, bench, period - 1)
    assert.equal(bench.loads, 1)
  }
})

test('several blocks that ask for the same are one; else the last one wins', async (t) => {
  const bench = new Bench(t)
  for (let i = 0; i < 4; i++) bench.watcher.watch(30_000, 0)
  assert.equal(bench.lines.length, 1)
  bench.watcher.watch(10_000, 0)
  for (let i = 0; i < 3; i++) await tick(t, bench, 10_000)
  assert.equal(bench.loads, 3)
  assert.equal(bench.notified.size, 1)
})

test('an interval longer than timers go is not taken for none', async (t) => {
  const bench = new Bench(t)
  bench.watcher.watch(2 ** 40, 0)
  await tick(t, bench, 1_000_000)
  assert.equal(bench.loads, 0)
})

test('a notification is followed once writers are through', async (t) => {
  const bench = new Bench(t)
  bench.watcher.watch(30_000, 0)
  bench.corefile = 'two'
  const [changed] = bench.notified
  changed!()
  await tick(t, bench, 99)
  changed!()
  await tick(t, bench, 99)
  assert.deepEqual(bench.applied, [])
  await tick(t, bench, 1)
  assert.deepEqual(bench.applied, ['two'])
})

test('a failed reload is logged and counted, and not tried again until something changes', async (t) => {
  const bench = new Bench(t)
  bench.onApply = () => {
    throw new Error('Corefile:3 - plugin/x: no')
  }
  bench.watcher.watch(30_000, 0)
  bench.corefile = 'bad'
  for (let i = 0; i < 3; i++) await tick(t, bench, 30_000)
  assert.equal(bench.counters.failed, 1)
  assert.equal(bench.counters.version, null)
  assert.deepEqual(bench.lines.slice(1), [
    '[INFO] Reloading',
    '[ERROR] plugin/reload: Corefile changed but reload failed: Corefile:3 - plugin/x: no',
  ])

  bench.corefile = 'one'
  await tick(t, bench, 30_000)
  bench.corefile = 'bad'
  await tick(t, bench, 30_000)
  assert.equal(bench.counters.failed, 2, 'after a return to what runs it is tried again')

  bench.onApply = () => {}
  bench.corefile = 'good'
  await tick(t, bench, 30_000)
  assert.deepEqual(bench.applied, ['good'])
})

test('what is refused, why and since when is known until the Corefile can be served again', async (t) => {
  const bench = new Bench(t)
  bench.watcher.watch(30_000, 0)
  const { counters } = bench
  const becomes = async (corefile: string | Error, error?: Error): Promise<string | undefined> => {
    bench.corefile = corefile
    bench.onApply = () => {
      if (error !== undefined) throw error
    }
    await tick(t, bench, 30_000)
    return counters.refused?.reason
  }
  const [refusal, missing] = [new Error('Corefile:3 - no'), new Error('it is gone')]
  assert.equal(await becomes('one'), undefined)
  assert.equal(await becomes('bad', refusal), 'Corefile:3 - no')
  const first = counters.refused
  assert.equal(await becomes('bad', refusal), 'Corefile:3 - no')
  assert.equal(counters.refused, first, 'since the first time')
  assert.equal(await becomes(missing), 'it is gone')
  assert.equal(await becomes('bad', refusal), 'Corefile:3 - no')
  assert.equal(counters.refused, first)
  assert.equal(await becomes('one'), undefined, 'back to what runs')
  assert.equal(await becomes(missing), 'it is gone')
  assert.equal(await becomes('two'), undefined, 'another that can be served')
})

test('a Corefile that cannot be read is warned of at each poll and counted once', async (t) => {
  const bench = new Bench(t)
  bench.watcher.watch(30_000, 0)
  bench.corefile = new Error("Corefile:1 - Error during parsing: Unknown directive 'x'")
  for (let i = 0; i < 3; i++) await tick(t, bench, 30_000)
  const warning =
    "[WARNING] plugin/reload: Corefile parse failed: Corefile:1 - Error during parsing: Unknown directive 'x'"
  assert.deepEqual(bench.lines.slice(1), [warning, warning, warning])
  assert.equal(bench.counters.failed, 1)
  bench.corefile = new Error('another reason')
  await tick(t, bench, 30_000)
  assert.equal(bench.counters.failed, 2)
  bench.corefile = 'two'
  bench.onApply = () => bench.watcher.watch(30_000, 0)
  await tick(t, bench, 30_000)
  assert.deepEqual(bench.applied, ['two'])
})

test('a failed configuration does not change when the Corefile is looked at', async (t) => {
  const bench = new Bench(t)
  bench.watcher.watch(30_000, 0)
  bench.onApply = () => {
    bench.watcher.watch(2_000, 0)
    throw new Error('no')
  }
  bench.corefile = 'bad'
  await tick(t, bench, 30_000)
  const { loads } = bench
  await tick(t, bench, 29_999)
  assert.equal(bench.loads, loads)
})

test('a configuration without reload ends the watching, and trigger() still works', async (t) => {
  const bench = new Bench(t)
  bench.watcher.watch(30_000, 0)
  bench.corefile = 'two'
  await tick(t, bench, 30_000)
  assert.deepEqual(bench.applied, ['two'])
  assert.equal(bench.notified.size, 0)
  bench.corefile = 'three'
  await tick(t, bench, 300_000)
  assert.deepEqual(bench.applied, ['two'])
  await bench.watcher.trigger()
  assert.deepEqual(bench.applied, ['two', 'three'])
})

test('after trigger() a configuration with reload is watched on', async (t) => {
  const bench = new Bench(t)
  bench.onApply = () => bench.watcher.watch(10_000, 0)
  bench.watcher.watch(30_000, 0)
  await bench.watcher.trigger()
  bench.corefile = 'two'
  await tick(t, bench, 10_000)
  assert.deepEqual(bench.applied, ['one', 'two'])
})

test('trigger() applies what has not changed, and what failed before', async (t) => {
  const bench = new Bench(t)
  await bench.watcher.trigger()
  assert.deepEqual(bench.applied, ['one'])
  bench.corefile = 'bad'
  bench.onApply = () => {
    throw new Error('no')
  }
  await bench.watcher.trigger()
  await bench.watcher.trigger()
  assert.equal(bench.counters.failed, 2)
  assert.equal(bench.lines.at(-1), '[ERROR] Restart failed: no')
  bench.corefile = new Error('gone')
  await bench.watcher.trigger()
  assert.equal(bench.lines.at(-1), '[ERROR] Restart failed: gone')
  assert.equal(bench.counters.failed, 3)
})

test('changed() looks soon without reload too, once for many calls, and not after the end', async (t) => {
  const bench = new Bench(t)
  bench.corefile = 'two'
  for (let i = 0; i < 3; i++) bench.watcher.changed()
  await tick(t, bench, 99)
  assert.equal(bench.loads, 0)
  await tick(t, bench, 1)
  assert.deepEqual([bench.loads, bench.applied], [1, ['two']])
  bench.watcher.changed()
  await bench.watcher.stop()
  bench.watcher.changed()
  await tick(t, bench, 1_000)
  assert.equal(bench.loads, 1)
})

test('there are never two reloads at a time', async (t) => {
  const bench = new Bench(t)
  const running: string[] = []
  const gates: (() => void)[] = []
  bench.onApply = (hash) => {
    running.push(hash)
    bench.watcher.watch(2_000, 0)
    return new Promise((resolve) => gates.push(resolve))
  }
  bench.watcher.watch(2_000, 0)
  const first = bench.watcher.trigger()
  await bench.settle()
  const second = bench.watcher.trigger()
  bench.corefile = 'two'
  await tick(t, bench, 10_000)
  assert.deepEqual(running, ['one'], 'polls and triggers wait')
  gates.shift()!()
  await first
  await bench.settle()
  assert.deepEqual(running, ['one', 'two'])
  gates.shift()!()
  await second
  await bench.settle()
  assert.equal(bench.loads, 3, 'of five polls meanwhile one has waited')
  await tick(t, bench, 2_000)
  assert.deepEqual(bench.applied, ['one', 'two'], 'what waited finds nothing new')
})

test('stop() waits for a reload under way and lets none follow', async (t) => {
  const bench = new Bench(t)
  let open = (): void => {}
  bench.onApply = () => new Promise((resolve) => (open = resolve))
  bench.watcher.watch(2_000, 0)
  const reloading = bench.watcher.trigger()
  await bench.settle()
  const late = bench.watcher.trigger()
  let stopped = false
  const stopping = bench.watcher.stop().then(() => (stopped = true))
  await bench.settle()
  assert.equal(stopped, false)
  open()
  await Promise.all([reloading, late, stopping])
  await tick(t, bench, 60_000)
  assert.deepEqual(bench.applied, ['one'])
  assert.equal(bench.notified.size, 0)
})

test('a real file, watched for real, is reloaded long before the poll', async (t) => {
  const path = join(temporaryFolder(t), 'Corefile')
  writeFileSync(path, '. {\n  errors\n}\n')
  const source = new CorefileSource(path, { directives: ['errors', 'log'], env: {}, warn() {} })
  const applied: string[][] = []
  const counters: ReloadCounters = { failed: 0, refused: null, version: null }
  const watcher = new CorefileWatcher({
    running: source.load().hash,
    load: () => source.load(),
    apply: ({ blocks }) => {
      applied.push(blocks.flatMap(({ directives }) => [...directives.keys()]))
      watcher.watch(3_600_000, 0)
      return Promise.resolve()
    },
    log: nullLog,
    counters,
    notify: (changed) => watchFile(path, changed),
  })
  t.after(() => watcher.stop())
  watcher.watch(3_600_000, 0)

  writeFileSync(path, '. {\n  errors\n  log\n}\n')
  await waitUntil('the first change', () => applied.length === 1)
  writeFileSync(path, '. {\n  nonsense\n}\n')
  await waitUntil('the bad Corefile', () => counters.failed === 1)
  writeFileSync(path, '. {\n  log\n}\n')
  await waitUntil('the second change', () => applied.length === 2)
  assert.deepEqual(applied, [['errors', 'log'], ['log']])
  assert.equal(counters.version, source.load().hash)
})

test('failures are counted from 0 on, the version shows once a reload has succeeded', async (t) => {
  t.after(() => Object.assign(reloadCounters, { failed: 0, refused: null, version: null }))
  const before = (await exposition('', reloadMetrics)).body
  assert.match(before, /^coredns_reload_failed_total 0$/m)
  assert.match(before, /^dnslet_corefile_last_good_in_use 0$/m)
  assert.doesNotMatch(before, /coredns_reload_version_info/)

  Object.assign(reloadCounters, { failed: 2, refused: { at: 0, reason: 'no' }, version: 'ab12' })
  const { body } = await exposition('', reloadMetrics)
  assert.match(body, /^# TYPE coredns_reload_failed_total counter$/m)
  assert.match(body, /^coredns_reload_failed_total 2$/m)
  assert.match(body, /^dnslet_corefile_last_good_in_use 1$/m)
  assert.match(body, /^# TYPE coredns_reload_version_info gauge$/m)
  assert.match(body, /^coredns_reload_version_info\{hash="sha512",value="ab12"\} 1$/m)
})
