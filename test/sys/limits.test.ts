import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'

import { libc } from '../../src/sys/libc.ts'
import { noCoreDumps } from '../../src/sys/limits.ts'

const loaded = libc()

test('noCoreDumps() is in force', { skip: loaded.libc === null ? loaded.reason : false }, () => {
  noCoreDumps(loaded.libc!)
  assert.match(readFileSync('/proc/self/limits', 'utf8'), /^Max core file size +0 +0 +bytes/m)
})
