import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'

import { temporaryFolder } from '../helpers/nsd.ts'
import { libc } from '../../src/sys/libc.ts'
import { noCoreDumps, openFilesLimit } from '../../src/sys/limits.ts'

const loaded = libc()

test('noCoreDumps() is in force', { skip: loaded.libc === null ? loaded.reason : false }, () => {
  noCoreDumps(loaded.libc!)
  assert.match(readFileSync('/proc/self/limits', 'utf8'), /^Max core file size +0 +0 +bytes/m)
})

test('openFilesLimit() is the soft limit; unlimited, or unknown, is Infinity', (t) => {
  const file = join(temporaryFolder(t), 'limits')
  const read = (value: string): number => {
    writeFileSync(
      file,
      `Limit   Soft   Hard   Units\nMax open files            ${value} 4096   files\n`,
    )
    return openFilesLimit(file)
  }
  assert.equal(read('1024'), 1024)
  assert.equal(read('unlimited'), Infinity)
  assert.equal(openFilesLimit(`${file}.absent`), Infinity)
  assert.ok(openFilesLimit() >= 64)
})
