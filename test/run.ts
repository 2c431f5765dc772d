// Runs the tests: `node test/run.ts [file or folder]...`, by default everything under test/.
// First it installs the Debian tools that suites need, where it may; where it may not, those suites
// are skipped and counted. DNSLET_INSTALL=no never installs anything.
import { globSync, statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { Readable } from 'node:stream'
import { run } from 'node:test'
import type { TestEvent } from 'node:test/reporters'

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

Readable.from(report(allEvents())).pipe(process.stdout)

/** Of what has the machine to itself, files that mostly wait for time-outs and for what ends at once. */
const PATIENT = [
  'e2e/blocked-stdout',
  'e2e/start',
  'hostile/http-silent',
  'hostile/json-lines',
  'hostile/never-read',
  'hostile/odd-files',
  'hostile/seccomp-profile',
  'hostile/tcp-half-frames',
  'hostile/tcp-idle',
  'hostile/words-of-files',
  'scenario/cleanup',
  'scenario/dual-stack',
  'scenario/failed-start',
  'scenario/leftovers',
  'scenario/link-local',
].map((file) => `/test/${file}.test.ts`)

/** Where nothing may be lost under load a suite has the machine to itself, after the others. */
async function* allEvents(): AsyncGenerator<TestEvent> {
  const isPatient = (file: string): boolean => PATIENT.some((end) => file.endsWith(end))
  const isDemanding = (file: string): boolean =>
    /\/test\/(?:e2e|hostile|scenario)\//.test(file) && !isPatient(file)
  // Others start real servers and measure time too: more at once than two disturb each other.
  yield* eventsOf(
    files.filter((file) => !isDemanding(file) && !isPatient(file)),
    2,
  )
  yield* eventsOf(files.filter(isPatient), 2)
  yield* eventsOf(files.filter(isDemanding), 1)
}

/** What happens in these files, so many at once. A failure fails the whole run. */
async function* eventsOf(some: readonly string[], concurrency: number): AsyncGenerator<TestEvent> {
  if (some.length === 0) return
  // The time is for one file. A test that hangs is killed and named.
  const stream = run({ files: some, concurrency, timeout: 300_000 })
  for await (const event of stream as AsyncIterable<TestEvent>) {
    if (event.type === 'test:summary' && event.data.file === undefined) {
      const { success, counts } = event.data
      if (!success || counts.tests === 0) process.exitCode = 1
    }
    yield event
  }
}

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
