import assert from 'node:assert/strict'
import { statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { openStateDirectory } from '../../src/host/state-directory.ts'
import { temporaryFolder } from '../helpers/nsd.ts'

test('the directory is made for its owner alone, and one that exists stays as it is', (t) => {
  const folder = temporaryFolder(t)
  const directory = join(folder, 'a', 'b')
  for (let i = 0; i < 2; i++) {
    assert.equal(openStateDirectory({ DNSLET_STATE_DIR: directory }), directory)
    assert.equal(statSync(directory).mode & 0o777, 0o700)
  }
})

test('where there can be none there is none', (t) => {
  const file = join(temporaryFolder(t), 'file')
  writeFileSync(file, '')
  assert.equal(openStateDirectory({ DNSLET_STATE_DIR: join(file, 'x') }), null)
})
