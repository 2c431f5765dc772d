import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { test } from 'node:test'

const module = join(import.meta.dirname, '../../src/lib/replace-handler.ts')

/** A process of its own: the test runner's hears of signals later. */
const script = `
import { replaceHandler } from '${module}'
const before = () => console.log('before')
const after = () => { console.log('after'); process.exit() }
process.on('SIGTERM', before)
setTimeout(() => {
  process.kill(process.pid, 'SIGTERM')
  replaceHandler('SIGTERM', before, after)
  setTimeout(() => process.exit(), 2_000)
}, 1)
`

test('a signal that came before is heard by the new handler', () => {
  const args = ['--input-type=module', '--eval', script]
  assert.equal(execFileSync(process.execPath, args, { encoding: 'utf8' }), 'after\n')
})
