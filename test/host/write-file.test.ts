import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { writeFileAtomically, writeFileInPlace } from '../../src/host/write-file.ts'
import { temporaryFolder } from '../helpers/nsd.ts'

test('writeFileAtomically() leaves the text with its mode, and nothing else', (t) => {
  const folder = temporaryFolder(t)
  const path = join(folder, 'a')
  for (const text of ['one', 'two']) {
    writeFileAtomically(path, text, 0o600)
    assert.equal(readFileSync(path, 'utf8'), text)
  }
  assert.equal(statSync(path).mode & 0o777, 0o600)
  assert.deepEqual(readdirSync(folder), ['a'])
})

test('writeFileAtomically() takes its temporary file away where it fails', (t) => {
  const folder = temporaryFolder(t)
  mkdirSync(join(folder, 'a'))
  assert.throws(() => writeFileAtomically(join(folder, 'a'), 'x', 0o600), /EISDIR/)
  assert.throws(() => writeFileAtomically(join(folder, 'b', 'c'), 'x', 0o600), /ENOENT/)
  assert.deepEqual(readdirSync(folder), ['a'])
})

test('what is written is on its way to the disk before it is closed or has its name', (t) => {
  const path = join(temporaryFolder(t), 'a')
  const asked: unknown[] = []
  const libc = {
    posix_fadvise(fd: number, ...rest: number[]): number {
      asked.push([readFileSync(`/proc/self/fd/${fd}`, 'utf8'), existsSync(path), ...rest])
      return 0
    },
  }
  writeFileAtomically(path, 'one', 0o600, libc)
  writeFileInPlace(path, 'two', 0o600, libc)
  assert.deepEqual(asked, [
    ['one', false, 0, 0, 4],
    ['two', true, 0, 0, 4],
  ])
  writeFileInPlace(path, 'no C library', 0o600, null)
  assert.equal(readFileSync(path, 'utf8'), 'no C library')
})
