import assert from 'node:assert/strict'
import { test } from 'node:test'

import { parseLcov, untested } from './lcov.ts'

const record = (file: string, lines: number, hit: number): string =>
  `TN:\nSF:${file}\nFN:1,f\nDA:1,7\nLF:${lines}\nLH:${hit}\nBRF:1\nBRH:0\nend_of_record\n`

test('parseLcov() reads the lines of each file', () => {
  assert.deepEqual(parseLcov(record('src/a.ts', 10, 9) + record('src/wire/b.ts', 3, 3)), [
    { file: 'src/a.ts', lines: 10, hit: 9 },
    { file: 'src/wire/b.ts', lines: 3, hit: 3 },
  ])
})

test('parseLcov() refuses a record without its counts', () => {
  assert.throws(() => parseLcov('SF:src/a.ts\nend_of_record\n'), /LF or LH is missing/)
})

test('untested() wants every line of the core, file by file', () => {
  const text = record('src/serve/a.ts', 200, 199) + record('src/wire/b.ts', 3, 3)
  const problems = untested(parseLcov(text + record('src/net/c.ts', 10, 10)))
  assert.deepEqual(problems, ['src/serve/a.ts: 199 of 200 lines run, expected all'])
})

test('untested() wants 95 % of the other lines, all files together', () => {
  const core = record('src/wire/b.ts', 3, 3)
  const enough = core + record('src/net/c.ts', 10, 0) + record('src/net/d.ts', 190, 190)
  assert.deepEqual(untested(parseLcov(enough)), [])
  const tooFew = core + record('src/net/c.ts', 11, 0) + record('src/net/d.ts', 189, 189)
  assert.deepEqual(untested(parseLcov(tooFew)), [
    'outside wire, corefile and serve: 94.50 % of lines run, expected 95 %',
  ])
})

test('untested() is not satisfied by a report of nothing', () => {
  assert.throws(() => untested([]), /Cannot judge coverage of no files/)
  assert.throws(() => untested(parseLcov(record('src/net/c.ts', 1, 1))), /no files/)
})
