import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { test } from 'node:test'
import { collectGarbage, compileSparingly, FLAGS } from '../../src/lib/v8-flags.ts'

const tuned = ['--max-old-space-size=64', '--single-threaded-gc']

function flagsSet(limit: number, flags: readonly string[] = tuned): string[] {
  const set: string[] = []
  compileSparingly(flags, limit, (flag) => set.push(flag))
  return set
}

/** All flags of V8 with their values, one a line. */
function valuesWith(flags: readonly string[]): string[] {
  const args = ['--print-flag-values', ...flags, '-e', '0']
  return execFileSync(process.execPath, args, { encoding: 'utf8' }).split('\n')
}

test('the flags are all that V8 has them imply where they stand on the command line', () => {
  const before = valuesWith(['--max-semi-space-size=1'])
  const changed = valuesWith(['--max-semi-space-size=1', ...FLAGS]).filter(
    (line) => !before.includes(line),
  )
  assert.deepEqual(changed.map((line) => line.trim()).toSorted(), FLAGS.toSorted())
})

test('functions are compiled one by one under a CPU limit below a quarter of a core, and only there', () => {
  const always = flagsSet(Infinity)
  assert.ok(always.includes('--no-maglev'))
  assert.deepEqual(flagsSet(0.25), always)
  assert.deepEqual(flagsSet(0.24), [...always, '--concurrent-recompilation-delay=300'])
})

test('a process that bin/dnslet has not started keeps V8 as it is', () => {
  assert.deepEqual(flagsSet(0.1, ['--max-semi-space-size=1']), [])
  assert.equal(collectGarbage([]), false)
})

test('garbage is collected, and nobody is left with the function that does it', () => {
  assert.equal(collectGarbage(tuned), true)
  assert.equal(typeof globalThis.gc, 'undefined')
})
