import assert from 'node:assert/strict'
import { test } from 'node:test'

import { findTool, installCommand, missingTools, requireTools, tools } from './debian.ts'

test('findTool() finds a program by its name, and no file that is none', () => {
  assert.match(findTool('sh') ?? '', /\/sh$/)
  assert.equal(findTool('no-such-program'), null)
})

test('requireTools() gives a reason to skip exactly where something is missing', () => {
  for (const tool of tools) {
    const missing = missingTools([tool])
    assert.equal(requireTools(tool), missing.length === 0 ? false : `needs ${tool}`)
  }
})

test('installCommand() names each package once', () => {
  assert.equal(installCommand(['dig', 'dig', 'nsd']), 'apt-get install bind9-dnsutils nsd')
})
