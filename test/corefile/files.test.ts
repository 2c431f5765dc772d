import assert from 'node:assert/strict'
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { MAX_FILE_BYTES, nodeFiles } from '../../src/corefile/files.ts'

const root = mkdtempSync(join(tmpdir(), 'corefile-'))
after(() => rmSync(root, { recursive: true }))

mkdirSync(join(root, 'conf.d'))
writeFileSync(join(root, 'conf.d/b.conf'), 'errors\n')
writeFileSync(join(root, 'conf.d/a.conf'), 'log é\n')
symlinkSync('nowhere', join(root, 'conf.d/dangling'))

describe('nodeFiles.read()', () => {
  test('reads a file as UTF-8', () => {
    assert.equal(nodeFiles.read(join(root, 'conf.d/a.conf')), 'log é\n')
  })

  test('names the reason alone for a directory', () => {
    assert.throws(() => nodeFiles.read(root), { message: 'is a directory' })
  })

  test('says in the words of Go why a file cannot be opened', () => {
    const path = join(root, 'nope')
    assert.throws(() => nodeFiles.read(path), {
      message: `open ${path}: no such file or directory`,
    })
  })

  test('does not wait for a device', () => {
    assert.throws(() => nodeFiles.read('/dev/zero'), { message: 'is not a regular file' })
  })

  test('takes /dev/null, and a link to it, for an empty file', () => {
    const link = join(root, 'switched-off.server')
    symlinkSync('/dev/null', link)
    for (const path of ['/dev/null', link]) assert.equal(nodeFiles.read(path), '')
  })

  test('refuses a file beyond 4 MiB', () => {
    const path = join(root, 'big')
    writeFileSync(path, '')
    truncateSync(path, MAX_FILE_BYTES + 1)
    assert.throws(() => nodeFiles.read(path), { message: 'is larger than 4194304 bytes' })
  })
})

describe('nodeFiles.glob()', () => {
  test('sorts what matches', () => {
    const found = nodeFiles.glob(join(root, 'conf.d/*.conf'))
    assert.deepEqual(found, [join(root, 'conf.d/a.conf'), join(root, 'conf.d/b.conf')])
  })

  test('finds a symbolic link even where its target is missing', () => {
    const path = join(root, 'conf.d/dangling')
    assert.deepEqual(nodeFiles.glob(path), [path])
  })

  test('finds nothing in a directory it cannot read', () => {
    const closed = join(root, 'closed')
    mkdirSync(closed)
    chmodSync(closed, 0o000)
    assert.deepEqual(nodeFiles.glob(join(closed, '*')), [])
    assert.deepEqual(nodeFiles.glob(join(root, 'nope/*')), [])
    assert.deepEqual(nodeFiles.glob(join(root, 'nope')), [])
  })
})
