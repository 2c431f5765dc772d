import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { lowerCompilerThreads } from '../../src/daemon/compiler-threads.ts'
import { temporaryFolder } from '../helpers/nsd.ts'

const flags = ['--single-threaded-gc']

/** A folder like /proc/self/task with these threads. */
function tasks(t: TestContext, names: Readonly<Record<string, string>>): string {
  const folder = temporaryFolder(t)
  for (const [thread, name] of Object.entries(names)) {
    mkdirSync(join(folder, thread))
    writeFileSync(join(folder, thread, 'comm'), `${name}\n`)
  }
  return folder
}

test('only the threads that compile are lowered', (t) => {
  const folder = tasks(t, { 7: 'MainThread', 8: 'V8Worker', 9: 'libuv-worker', 10: 'V8Worker' })
  const lowered: number[] = []
  const count = lowerCompilerThreads(flags, folder, (thread) => lowered.push(thread))
  assert.equal(count, 2)
  assert.deepEqual(
    lowered.toSorted((a, b) => a - b),
    [8, 10],
  )
})

test('threads that the main one may wait for keep their priority', (t) => {
  const folder = tasks(t, { 8: 'V8Worker' })
  assert.equal(
    lowerCompilerThreads(['--max-semi-space-size=2'], folder, () => assert.fail()),
    0,
  )
})

test('without /proc, and where the kernel refuses, the start goes on', (t) => {
  assert.equal(
    lowerCompilerThreads(flags, '/nowhere', () => assert.fail()),
    0,
  )
  const refuse = (): void => {
    throw new Error('EACCES')
  }
  assert.equal(lowerCompilerThreads(flags, tasks(t, { 8: 'V8Worker' }), refuse), 0)
})
