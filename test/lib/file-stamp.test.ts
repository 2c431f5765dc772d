import assert from 'node:assert/strict'
import { renameSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileStamp } from '../../src/lib/file-stamp.ts'
import { temporaryFolder } from '../helpers/nsd.ts'

test('a file that is written, touched, replaced or gone has another stamp; one at rest has not', (t) => {
  const path = join(temporaryFolder(t), 'file')
  const seen = new Set([fileStamp(path)])
  assert.match(fileStamp(path), /ENOENT/)
  const note = (): void => {
    assert.equal(fileStamp(path), fileStamp(path))
    seen.add(fileStamp(path))
  }
  writeFileSync(path, 'a')
  note()
  writeFileSync(path, 'ab')
  note()
  utimesSync(path, 1, 2)
  note()
  writeFileSync(`${path}.new`, 'ab')
  utimesSync(`${path}.new`, 1, 2)
  renameSync(`${path}.new`, path)
  note()
  assert.equal(seen.size, 5)
  rmSync(path)
  assert.match(fileStamp(path), /ENOENT/)
})
