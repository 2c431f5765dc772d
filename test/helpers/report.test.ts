import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { test, type TestContext } from 'node:test'

import { temporaryFolder } from './nsd.ts'

const runner = join(import.meta.dirname, '../run.ts')

/** Runs test/run.ts with files of its own and without any Debian tool. */
function run(
  t: TestContext,
  files: Readonly<Record<string, string>>,
): { code: number; out: string } {
  const folder = temporaryFolder(t)
  for (const [name, text] of Object.entries(files)) {
    const path = join(folder, name)
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, `import { describe, test } from 'node:test'\n${text}\n`)
  }
  const { NODE_TEST_CONTEXT: _, ...env } = process.env
  const { status, stdout, stderr } = spawnSync(process.execPath, [runner, folder], {
    env: { ...env, DNSLET_INSTALL: 'no' },
    encoding: 'utf8',
  })
  return { code: status ?? -1, out: stdout + stderr }
}

test('a run that passes says so, and names what was skipped and why', (t) => {
  const { code, out } = run(t, {
    'a.test.ts': `test('one', () => {})`,
    'b.test.ts': `describe('suite', { skip: 'needs dig' }, () => { test('two', () => {}) })`,
  })
  assert.equal(code, 0, out)
  assert.match(out, /Skipped, 1 suites or tests:\n.*b\.test\.ts: suite \(needs dig\)/)
  assert.match(out, /^# pass 1$/m)
  assert.match(out, /^# fail 0$/m)
  assert.match(out, /# duration_ms [\d.]+\n$/)
})

test('a failure is told in full, with its place, and fails the run', (t) => {
  const { code, out } = run(t, {
    'c.test.ts': `describe('suite', () => {
      test('three', (t) => { t.diagnostic('a figure'); throw new Error('no luck') })
      test('four', (t) => { t.diagnostic('nothing to see') })
    })`,
  })
  assert.equal(code, 1)
  assert.match(out, /✖ .*c\.test\.ts:3 suite > three\n {2}Error: no luck/)
  assert.match(
    out,
    /Failed, 1 suites or tests:\n.*suite > three\n {2}Error: no luck[^]*\n {2}a figure\n/,
  )
  assert.doesNotMatch(out, /nothing to see/)
  assert.match(out, /^# fail 1$/m)
})

test('suites that need the machine to themselves come last, and count with the others', (t) => {
  const said = (name: string): string => `test('${name}', () => { console.log('now ${name}') })`
  const { code, out } = run(t, {
    'test/e2e/e.test.ts': said('alone'),
    'f.test.ts': said('beside others'),
  })
  assert.equal(code, 0, out)
  assert.ok(out.indexOf('now beside others') < out.indexOf('now alone'), out)
  assert.match(out, /^# pass 2$/m)
})

test('a failure among the last suites fails the run', (t) => {
  const { code } = run(t, {
    'test/scenario/g.test.ts': `test('g', () => { throw new Error('no luck') })`,
    'h.test.ts': `test('h', () => {})`,
  })
  assert.equal(code, 1)
})

test('a file that cannot be loaded fails the run', (t) => {
  const { code, out } = run(t, { 'd.test.ts': `import './absent.ts'` })
  assert.equal(code, 1)
  assert.match(out, /absent\.ts/)
})

test('no test at all fails the run', (t) => {
  const { code, out } = run(t, {})
  assert.equal(code, 1)
  assert.match(out, /Cannot run tests: no \*\.test\.ts file there/)
})
