// Judges the last run's coverage by coverage/lcov.info: `node test/coverage.ts`. `c8 check-coverage` would read
// what every process has left once more, for each of the two bounds.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

import { parseLcov, untested } from './helpers/lcov.ts'

const text = readFileSync(join(import.meta.dirname, '../coverage/lcov.info'), 'utf8')
const problems = untested(parseLcov(text))
for (const problem of problems) console.error(`Cannot pass coverage: ${problem}`)
if (problems.length > 0) process.exitCode = 1
