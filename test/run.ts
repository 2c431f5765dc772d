// Runs the tests: `node test/run.ts [file or folder]...`, by default everything under test/.
// First it installs the Debian tools that suites need, where it may; where it may not, those suites
// are skipped and counted. DNSLET_INSTALL=no never installs anything.
import { globSync, statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { run } from 'node:test'

import { installCommand, installTools, mayInstall, missingTools } from './helpers/debian.ts'
import { report } from './helpers/report.ts'

const root = join(import.meta.dirname, '..')
process.chdir(root)
prepareTools()

const files = findTests(process.argv.slice(2))
if (files.length === 0) {
  console.error('Cannot run tests: no *.test.ts file there')
  process.exit(1)
}

const stream = run({
  files,
  // Suites start real servers and measure time: more at once than this disturb each other.
  concurrency: 2,
  // For one file. A test that hangs is killed and named.
  timeout: 300_000,
})
stream.on('test:summary', ({ file, success, counts }) => {
  if (file === undefined && (!success || counts.tests === 0)) process.exitCode = 1
})
stream.compose(report).pipe(process.stdout)

function prepareTools(): void {
  const missing = missingTools()
  if (missing.length === 0) return
  if (mayInstall() && process.env['DNSLET_INSTALL'] !== 'no') {
    console.error(`Installing test tools: ${missing.join(', ')} ...`)
    const problem = installTools(missing)
    if (problem !== null) console.error(`Cannot install test tools: ${problem}`)
  }
  const absent = missingTools()
  if (absent.length === 0) return
  console.error(
    `Not installed: ${absent.join(', ')} (on Debian: ${installCommand(absent)}). ` +
      'Suites that need them are skipped.',
  )
}

function findTests(places: readonly string[]): string[] {
  const patterns = places.length === 0 ? ['test'] : places
  return patterns
    .flatMap((place) => (isFile(place) ? [place] : globSync(join(place, '**', '*.test.ts'))))
    .map((file) => resolve(root, file))
    .toSorted()
}

function isFile(place: string): boolean {
  return statSync(place, { throwIfNoEntry: false })?.isFile() === true
}
