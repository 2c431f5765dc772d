import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { hasWildcard, isGlob } from '../../src/corefile/glob.ts'
import { memoryFiles } from './support.ts'

const files = memoryFiles({
  '/etc/b.conf': '',
  '/etc/a.conf': '',
  '/etc/.hidden.conf': '',
  '/etc/a*.conf': '',
  '/etc/x.confé': '',
  '/etc/sub1/z.conf': '',
  '/etc/sub2/y.conf': '',
  '/top.conf': '',
})

describe('glob()', () => {
  const table: readonly (readonly [string, string, readonly string[]])[] = [
    ['opens a plain path', '/etc/a.conf', ['/etc/a.conf']],
    ['finds nothing where a plain path does not exist', '/etc/c.conf', []],
    [
      'sorts, and matches dot files',
      '/etc/*.conf',
      ['/etc/.hidden.conf', '/etc/a*.conf', '/etc/a.conf', '/etc/b.conf'],
    ],
    ['matches one character by ?', '/etc/?.conf', ['/etc/a.conf', '/etc/b.conf']],
    ['takes a dot for a dot', '/etc/a?conf', ['/etc/a.conf']],
    ['takes an escaped star for a star', '/etc/a\\*.conf', ['/etc/a*.conf']],
    ['matches directories', '/etc/sub*/z.conf', ['/etc/sub1/z.conf']],
    ['matches at the root', '/*.conf', ['/top.conf']],
    ['does not cross directories', '/etc*z.conf', []],
    ['finds nothing in a directory that does not exist', '/nope/*', []],
  ]
  for (const [behaviour, pattern, expected] of table) {
    test(behaviour, () => assert.deepEqual(files.glob(pattern), expected))
  }
})

test('hasWildcard() sees wildcards, and no escapes', () => {
  const patterns = ['/a', '/a*', '/a?', '/[', '/\\a']
  assert.deepEqual(patterns.map(hasWildcard), [false, true, true, true, false])
})

test('isGlob() rejects an open bracket and a backslash at the end', () => {
  assert.deepEqual(['/a*', '/a\\*', '/a\\\\', '/a[b', '/a\\', '/a\\\\\\'].map(isGlob), [
    true,
    true,
    true,
    false,
    false,
    false,
  ])
})
