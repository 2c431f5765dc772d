import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { nearest } from '../../src/corefile/nearest.ts'

const known = ['cache', 'errors', 'forward', 'log', 'loop', 'prometheus', 'on']

describe('nearest()', () => {
  const table = [
    ['a missing letter', 'forwrd', 'forward'],
    ['a surplus letter', 'foreward', 'forward'],
    ['a wrong letter', 'cathe', 'cache'],
    ['letters in another order', 'porxmetheus', 'prometheus'],
    ['two swapped letters of a short word', 'cahce', 'cache'],
    ['the wrong case', 'FORWARD', 'forward'],
    ['the first of equally near words', 'lo', 'log'],
    ['nothing for a word far from all', 'kubernetes', null],
    ['nothing for a word too long to be a mistake', `${'x'.repeat(60)}cache`, null],
    ['nothing for an empty word', '', null],
  ] as const
  for (const [behaviour, word, expected] of table) {
    test(`finds ${behaviour}`, () => assert.equal(nearest(word, known), expected))
  }
})
