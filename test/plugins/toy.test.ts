// A plugin is one folder and one line: a toy is put into a copy of the sources, and taken out again.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { appendFileSync, cpSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { ask } from '../../src/upstream/ask.ts'
import { Flag, Type } from '../../src/wire/codes.ts'
import { readTtl } from '../../src/wire/records.ts'
import { temporaryFolder } from '../helpers/nsd.ts'
import { freePort } from '../helpers/ports.ts'
import { startProcess, waitUntil } from '../helpers/processes.ts'
import { message, questionOf, recordsOf } from '../wire/message.ts'
import { erratic } from './toy/index.ts'

const root = join(import.meta.dirname, '../..')
/** A copy is not what coverage measures, and its tests are no part of this run. */
const { NODE_V8_COVERAGE: _coverage, NODE_TEST_CONTEXT: _context, ...env } = process.env

/** The project without its other tests; how to run a program there, and how to put the toy in. */
class Copy {
  readonly folder: string

  constructor(t: TestContext) {
    this.folder = temporaryFolder(t)
    const files = ['package.json', 'tsconfig.json', 'knip.production.json']
    for (const path of [...files, 'src', 'test/architecture.test.ts']) {
      cpSync(join(root, path), join(this.folder, path), { recursive: true })
    }
    for (const path of ['node_modules', 'bench']) symlinkSync(join(root, path), this.path(path))
  }

  path(path: string): string {
    return join(this.folder, path)
  }

  /** Runs Node.js there; its output. Throws with that where it ends with another code than 0. */
  run(...args: readonly string[]): string {
    return execFileSync(process.execPath, args, {
      cwd: this.folder,
      env,
      encoding: 'utf8',
      stdio: 'pipe',
    })
  }

  addToy(): void {
    const place = this.path(`src/plugins/${erratic.name}`)
    cpSync(join(root, 'test/plugins/toy'), place, { recursive: true })
    const source = readFileSync(join(place, 'index.ts'), 'utf8')
    writeFileSync(join(place, 'index.ts'), source.replaceAll(`'../../../src/`, `'../../`))
    appendFileSync(
      this.path('src/plugins/list.ts'),
      `export const erratic: LatePlugin = later('erratic', () => import('./erratic/index.ts'))\n`,
    )
  }

  removeToy(): void {
    rmSync(this.path(`src/plugins/${erratic.name}`), { recursive: true })
    cpSync(join(root, 'src/plugins/list.ts'), this.path('src/plugins/list.ts'))
  }
}

test('a plugin is one folder and one line: types, import law and knip want nothing else', (t) => {
  const copy = new Copy(t)
  copy.addToy()
  writeFileSync(
    copy.path('src/tsconfig.json'),
    '{ "extends": "../tsconfig.json", "include": ["."] }',
  )
  copy.run('node_modules/typescript/bin/tsc', '-p', 'src')
  rmSync(copy.path('src/tsconfig.json'))
  assert.match(copy.run('--test', 'test/architecture.test.ts'), /^. pass [1-9]/m)
  copy.run('node_modules/knip/bin/knip.js', '--production', '--config', 'knip.production.json')
})

test('it answers, is counted, described and listed; and gone again it is refused by name', async (t) => {
  const copy = new Copy(t)
  copy.addToy()
  const [port, http] = [await freePort(), await freePort()]
  const corefile = copy.path('Corefile')
  const lines = ['bind 127.0.0.1', `prometheus 127.0.0.1:${http}`, 'erratic {', 'ttl 77', '}']
  writeFileSync(corefile, `.:${port} {\n${lines.join('\n')}\n}\n`)
  assert.match(copy.run('src/main.ts', 'check', corefile), /^ +erratic +ttl 77$/m)
  assert.match(copy.run('src/main.ts', '-plugins'), /^erratic$/m)

  const args = [
    copy.path('src/main.ts'),
    '-conf',
    corefile,
    '-metrics-listen-address',
    '127.0.0.1:0',
  ]
  const daemon = startProcess(t, process.execPath, args, env)
  await waitUntil('the daemon', () => daemon.output().includes(`.:${port} on`), daemon)
  const query = message({ name: 'any.test', type: Type.A, flags: Flag.RD })
  const reply = await ask({ protocol: 'udp', host: '127.0.0.1', port }, query, { timeoutMs: 2_000 })
  const records = recordsOf(reply, questionOf(reply))
  assert.deepEqual([records.answerCount, readTtl(reply, records.ttlAt[0]!)], [1, 77])
  const page = await (await fetch(`http://127.0.0.1:${http}/metrics`)).text()
  const server = `server="dns://127.0.0.1:${port}"`
  assert.ok(page.includes(`\ncoredns_erratic_answers_total{${server}} 1\n`), page)
  assert.ok(page.includes(`coredns_plugin_enabled{name="erratic",${server},view="",zone="."} 1`))
  await daemon.stop()

  copy.removeToy()
  assert.throws(
    () => copy.run('src/main.ts', 'check', corefile),
    /no action found for directive 'erratic'/,
  )
})
