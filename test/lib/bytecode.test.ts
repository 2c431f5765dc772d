import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { test } from 'node:test'

const folder = join(import.meta.dirname, '../../src/lib')

/** Prints which of three functions are machine code, having called them before, within and after. */
const program = `
  import { asBytecode } from ${JSON.stringify(join(folder, 'bytecode.ts'))}
  import { compileSparingly } from ${JSON.stringify(join(folder, 'v8-flags.ts'))}
  compileSparingly()
  const [before, within, after] = [() => 1, () => 2, () => 3]
  before()
  const result = await asBytecode(async () => (await null, within()))
  await asBytecode(() => Promise.reject(new Error('failed'))).catch(() => {})
  after()
  console.log(result, ...[before, within, after].map((one) => %ActiveTierIsSparkplug(one)))
`

test('what is called first in there stays bytecode, and nothing else does, where V8 compiles at once', () => {
  const run = (flags: readonly string[]): string =>
    spawnSync(
      process.execPath,
      [...flags, '--allow-natives-syntax', '--input-type=module', '--eval', program],
      { encoding: 'utf8' },
    ).stdout
  assert.equal(run(['--single-threaded-gc']), '2 true false true\n')
  assert.equal(run([]), '2 false false false\n')
})
