import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { test } from 'node:test'
import {
  collectGarbage,
  collectGarbageAndCode,
  compileSparingly,
  FLAGS,
  FORGETFUL,
} from '../../src/lib/v8-flags.ts'

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
  assert.equal(collectGarbageAndCode([]), false)
})

test('garbage is collected, and nobody is left with the function that does it', () => {
  assert.equal(collectGarbage(tuned), true)
  assert.equal(typeof globalThis.gc, 'undefined')
})

test('with the code that ran once bytecode goes, which no collection of garbage takes', () => {
  const script = `
    import { getHeapCodeStatistics } from 'node:v8'
    import { collectGarbage, collectGarbageAndCode } from '${import.meta.resolve('../../src/lib/v8-flags.ts')}'
    const body = 'return [1, 2, 3].map((one) => one * a)'
    const all = Array.from({ length: 300 }, (_, i) => new Function('a', \`\${body} // \${i}\`))
    for (const one of all) one(1)
    const left = (collect) => collect() && getHeapCodeStatistics().bytecode_and_metadata_size
    const sizes = [collectGarbage, collectGarbageAndCode, collectGarbage].map(left)
    const size = () => left(() => true)
    const before = size()
    const later = Array.from({ length: 300 }, (_, i) => new Function('a', \`\${body} // \${-i - 1}\`))
    for (const one of later) one(1)
    const made = size() - before
    const kept = [collectGarbage, collectGarbage].map(left)[1] - before
    console.log(JSON.stringify({ sizes, made, kept, called: all[299](2) }))`
  const args = ['--single-threaded-gc', '--always-sparkplug', '--input-type=module', '-e', script]
  // To count what is covered V8 keeps the code of all that ran.
  const env = { ...process.env, NODE_V8_COVERAGE: '' }
  const output = execFileSync(process.execPath, args, { encoding: 'utf8', env })
  const { sizes, made, kept, called } = JSON.parse(output)
  assert.ok(sizes[1] < sizes[0] / 4, `${sizes.join(', ')} octets`)
  assert.ok(kept > made / 2, `${kept} of ${made} octets: later code is kept as ever`)
  assert.deepEqual(called, [2, 4, 6], 'what is called again is compiled again')
})

test('what V8 is told for one collection is taken back as V8 has it by itself', () => {
  const usual = valuesWith([])
  for (const { usual: flag } of FORGETFUL) {
    assert.ok(
      usual.some((line) => line.trim() === flag),
      flag,
    )
  }
})
