import assert from 'node:assert/strict'
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'

import { removePidfile, writePidfile } from '../../src/node/pidfile.ts'
import { LinesLog } from '../helpers/lines-log.ts'
import { temporaryFolder } from '../helpers/nsd.ts'

test('holds our number, for everybody to read, until it is removed', (t) => {
  const file = join(temporaryFolder(t), 'pid')
  writePidfile(file, new LinesLog())
  assert.equal(readFileSync(file, 'utf8'), `${process.pid}\n`)
  assert.equal(statSync(file).mode & 0o777, 0o644)
  removePidfile(file)
  assert.equal(existsSync(file), false)
  removePidfile(file)
})

test('is left to a successor that has written its own number', (t) => {
  const file = join(temporaryFolder(t), 'pid')
  writePidfile(file, new LinesLog())
  writeFileSync(file, '1\n')
  removePidfile(file)
  assert.equal(readFileSync(file, 'utf8'), '1\n')
})

test('that cannot be written is said with the reason, and no more', (t) => {
  const file = join(temporaryFolder(t), 'nowhere', 'pid')
  const log = new LinesLog()
  writePidfile(file, log)
  assert.equal(log.lines.length, 1)
  assert.match(log.lines[0]!, new RegExp(`^\\[ERROR\\] Cannot write the pid file ${file}: ENOENT`))
})
