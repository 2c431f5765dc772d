import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'

import { fileKind } from '../../src/lib/file-kind.ts'
import { temporaryFolder } from '../helpers/nsd.ts'

test('fileKind() opens nothing and follows links', (t) => {
  const folder = temporaryFolder(t)
  const at = (name: string): string => join(folder, name)
  writeFileSync(at('regular'), '')
  execFileSync('mkfifo', [at('pipe')])
  for (const name of ['regular', 'pipe']) symlinkSync(at(name), at(`to-${name}`))
  symlinkSync(at('nowhere'), at('broken'))
  const names = ['regular', 'to-regular', 'pipe', 'to-pipe', 'broken', '.', '/dev/null']
  assert.deepEqual(
    names.map((name) => fileKind(name.startsWith('/') ? name : at(name))),
    ['regular', 'regular', 'pipe', 'pipe', 'none', 'directory', 'other'],
  )
})
