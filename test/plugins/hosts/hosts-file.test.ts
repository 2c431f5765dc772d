import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import {
  mkdirSync,
  renameSync,
  rmdirSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { HostsFile } from '../../../src/plugins/hosts/hosts-file.ts'
import { metrics } from '../../../src/plugins/hosts/metrics.ts'
import { reloadTime } from '../../../src/plugins/hosts/reload-time.ts'
import { LinesLog } from '../../helpers/lines-log.ts'
import { temporaryFolder } from '../../helpers/nsd.ts'
import { nullLog } from '../../helpers/null-log.ts'
import { ask, stageOf } from './support.ts'

/** Samples of the plugin's metrics that have this label, and those without any. */
function samples(path: string): Record<string, number> {
  const found: Record<string, number> = {}
  for (const metric of [...metrics, reloadTime]) {
    metric.collect(([label], value) => {
      if (label === undefined || label === path) found[metric.name] = value as number
    })
  }
  return found
}

describe('a hosts file', () => {
  test('is read again once it has changed, whatever of it', async (t) => {
    const path = join(temporaryFolder(t), 'hosts')
    writeFileSync(path, '10.0.0.1 a.test')
    utimesSync(path, 1000, 1000)
    const file = new HostsFile(path, ['.'], true)
    const look = async (): Promise<number> => {
      await file.look(nullLog)
      return file.table.entries
    }
    assert.equal(await look(), 2)
    const { table } = file
    await look()
    assert.equal(file.table, table)
    writeFileSync(path, '10.0.0.1 a.test b.test')
    utimesSync(path, 1000, 1000)
    assert.equal(await look(), 4)
    writeFileSync(path, '10.0.0.1 a.test b.tesx')
    utimesSync(path, 2000, 2000)
    await look()
    const before = file.table
    // Another file under its name, as old and as long.
    writeFileSync(`${path}.new`, '10.0.0.1 a.test b.tesy')
    utimesSync(`${path}.new`, 2000, 2000)
    renameSync(`${path}.new`, path)
    await look()
    assert.notEqual(file.table, before)
    assert.equal(await look(), 4)
  })

  test('that is gone or cannot be read goes on as it was, said once', async (t) => {
    const path = join(temporaryFolder(t), 'hosts')
    const log = new LinesLog()
    const file = new HostsFile(path, ['.'], false)
    const look = async (): Promise<readonly [number, boolean]> => {
      await file.look(log)
      return [file.table.entries, file.unreadable]
    }
    assert.deepEqual(await look(), [0, true])
    writeFileSync(path, '10.0.0.1 a.test')
    assert.deepEqual(await look(), [1, false])
    rmSync(path)
    assert.deepEqual(await look(), [1, true])
    assert.deepEqual(await look(), [1, true])
    mkdirSync(path)
    assert.deepEqual(await look(), [1, true])
    rmdirSync(path)
    writeFileSync(path, '')
    truncateSync(path, 300 << 20)
    assert.deepEqual(await look(), [1, true])
    writeFileSync(path, '10.0.0.1 a.test b.test')
    assert.deepEqual(await look(), [2, false])
    const problem = `[ERROR] Cannot read hosts file ${path}`
    const goesOn = 'what it held last goes on'
    assert.deepEqual(log.lines, [
      `[DEBUG] Parsed hosts file ${path} into 1 entries`,
      `[INFO] Hosts file ${path} can be read again`,
      `${problem}: no such file or directory; ${goesOn}`,
      `${problem}: is a directory; ${goesOn}`,
      `${problem}: is larger than 268435456 bytes; ${goesOn}`,
      `[DEBUG] Parsed hosts file ${path} into 2 entries`,
      `[INFO] Hosts file ${path} can be read again`,
    ])
  })

  test('that is a pipe holds up nobody, and the null device is empty', async (t) => {
    const pipe = join(temporaryFolder(t), 'pipe')
    execFileSync('mkfifo', [pipe])
    const log = new LinesLog()
    await new HostsFile(pipe, ['.'], true).look(log)
    const link = join(temporaryFolder(t), 'link')
    symlinkSync('/dev/null', link)
    const empty = new HostsFile(link, ['.'], true)
    await empty.look(log)
    assert.equal(empty.unreadable, false)
    assert.deepEqual(log.lines, [
      `[WARNING] Cannot read hosts file ${pipe}: is not a regular file`,
      `[DEBUG] Parsed hosts file ${link} into 0 entries`,
    ])
  })

  test('is read in slices, one reader at a time', async (t) => {
    const path = join(temporaryFolder(t), 'hosts')
    const lines = 50_000
    writeFileSync(
      path,
      Array.from({ length: lines }, (_, i) => `0.0.0.0 host-${i}.ads.test\n`).join(''),
    )
    const file = new HostsFile(path, ['.'], false)
    let turns = 0
    let looking = true
    const turn = (): void => {
      turns++
      if (looking) setImmediate(turn)
    }
    setImmediate(turn)
    const first = file.look(nullLog)
    assert.equal(file.look(nullLog), first)
    assert.equal(file.table.entries, 0)
    await first
    looking = false
    assert.equal(file.table.entries, lines)
    // Some 1.3 MB in slices of 8 KiB: the event loop turns between them.
    assert.ok(turns >= 140, `${turns} turns`)
  })

  test('is followed by its block from start to stop, and shared over a reload', async (t) => {
    t.mock.timers.enable({ apis: ['setInterval'] })
    const path = join(temporaryFolder(t), 'hosts')
    const kept = new Map<string, unknown>()
    const text = `hosts ${path} {\n10.0.0.9 nine.test\nreload 1s\n}`
    writeFileSync(path, '10.0.0.1 a.test')
    utimesSync(path, 1500, 1500)
    const stage = await stageOf(text, { kept })
    const [file] = [...kept.values()] as [HostsFile]
    const change = async (last: number): Promise<string> => {
      writeFileSync(path, `10.0.0.${last} a.test`)
      utimesSync(path, 2000 + last, 2000 + last)
      t.mock.timers.tick(1000)
      // The look that the tick began, or one of our own where it began none.
      if (stopped) return ask(stage, 'a.test')
      await file.look(nullLog)
      return ask(stage, 'a.test')
    }
    let stopped = false
    assert.equal(ask(stage, 'a.test'), '10.0.0.1')
    assert.deepEqual(samples(path), { coredns_hosts_reload_timestamp_seconds: 1500 })
    await stage.start!()
    assert.deepEqual(samples(path), {
      coredns_hosts_entries: 4,
      coredns_hosts_reload_timestamp_seconds: 1500,
      dnslet_hosts_file_unreadable: 0,
    })
    assert.equal(await change(2), '10.0.0.2')
    rmSync(path)
    await file.look(nullLog)
    assert.equal(samples(path)['dnslet_hosts_file_unreadable'], 1)
    const after = await stageOf(text, { kept })
    assert.equal(ask(after, 'a.test'), '10.0.0.2')
    await after.start!()
    await stage.stop!(false)
    await after.stop!(true)
    stopped = true
    assert.equal(await change(3), '10.0.0.2')
    assert.equal(samples(path)['coredns_hosts_entries'], undefined)
    const never = await stageOf(`hosts ${path} {\nreload 0\n}`)
    await never.start!()
    t.mock.timers.tick(1e9)
    await never.stop!(true)
    assert.equal(ask(never, 'a.test'), '10.0.0.3')
  })
})
