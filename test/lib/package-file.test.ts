import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'

import { packageFile } from '../../src/lib/package-file.ts'

test('a file beside package.json, however deep the code lies', () => {
  const root = join(import.meta.dirname, '../..')
  assert.equal(packageFile('Corefile.example'), join(root, 'Corefile.example'))
  assert.equal(packageFile('b', join(root, 'src')), join(root, 'b'))
  assert.equal(packageFile('b', root), join(root, 'b'))
})

test('there is no package', () => {
  assert.throws(() => packageFile('a', '/'), /package\.json is missing/)
})
