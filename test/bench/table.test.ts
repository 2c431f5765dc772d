import assert from 'node:assert/strict'
import test from 'node:test'

import { formatTable } from '../../bench/table.ts'

test('formatTable() aligns the first column to the left and the others to the right', () => {
  const table = formatTable(
    ['server', 'µs'],
    [
      ['a', '10.25'],
      ['unbound', '9'],
    ],
  )
  assert.equal(table, 'server      µs\n-------  -----\na        10.25\nunbound      9')
})

test('formatTable() without rows is the header', () => {
  assert.equal(formatTable(['a', 'b'], []), 'a  b\n-  -')
})
