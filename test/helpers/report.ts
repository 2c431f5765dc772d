import { relative } from 'node:path'
import type { TestEvent } from 'node:test/reporters'
import { inspect } from 'node:util'

type DataOf<Type extends TestEvent['type']> = Extract<TestEvent, { type: Type }>['data']

type Summary = DataOf<'test:summary'>

/**
 * A reporter for `run()` of node:test, or for several runs in turn: one line per file, every failure
 * in full with its notes, every reason to skip, all failures once more, so that the end of a long log
 * has them, and the runner's usual closing lines (`# tests`, `# pass`, …) at the very end.
 */
export async function* report(source: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  const skipped: string[] = []
  const failed: string[] = []
  const runs: Summary[] = []
  let path: string[] = []
  // What a test notes down (`t.diagnostic`) comes right after its verdict.
  let isNoteOfFailure = false
  for await (const event of source) {
    switch (event.type) {
      case 'test:start':
        isNoteOfFailure = false
        path = [...path.slice(0, event.data.nesting), event.data.name]
        break
      case 'test:pass':
        if (typeof event.data.skip === 'string') skipped.push(reasonOf(event.data))
        break
      case 'test:fail': {
        isNoteOfFailure = !isConsequence(event.data)
        if (!isNoteOfFailure) break
        const name = nameOf(path.slice(0, event.data.nesting), event.data)
        const text = failure(name, event.data)
        failed.push(text)
        yield text
        break
      }
      case 'test:diagnostic': {
        if (!isNoteOfFailure) break
        const note = `  ${event.data.message}\n`
        failed.push(failed.pop() + note)
        yield note
        break
      }
      case 'test:plan':
        isNoteOfFailure = false
        break
      case 'test:stdout':
      case 'test:stderr':
        yield event.data.message
        break
      case 'test:summary':
        if (event.data.file === undefined) runs.push(event.data)
        else yield fileLine(event.data, event.data.file)
        break
      default:
        break
    }
  }
  yield list('Skipped', skipped) + list('Failed', failed) + closing(runs)
}

function reasonOf({ file, name, skip }: DataOf<'test:pass'>): string {
  return `${here(file ?? '')}: ${name} (${skip})`
}

/** A suite or file that failed because a test in it did: that test was reported. */
function isConsequence(data: DataOf<'test:fail'>): boolean {
  const { error } = data.details
  return 'failureType' in error && error.failureType === 'subtestsFailed'
}

function nameOf(path: readonly string[], { file, line, name }: DataOf<'test:fail'>): string {
  const place = file === undefined ? '' : `${here(file)}:${line ?? 1} `
  return place + [...path, name].join(' > ')
}

function failure(name: string, { details }: DataOf<'test:fail'>): string {
  const text = inspect(details.error.cause ?? details.error, { depth: 6 })
  return `✖ ${name}\n  ${text.replaceAll('\n', '\n  ')}\n`
}

function list(title: string, lines: readonly string[]): string {
  if (lines.length === 0) return ''
  return [`${title}, ${lines.length} suites or tests:`, ...lines].join('\n  ') + '\n'
}

function fileLine({ counts, duration_ms, success }: Summary, file: string): string {
  const notes = counts.skipped > 0 ? `, ${counts.skipped} skipped` : ''
  const mark = success ? '✔' : '✖'
  return `${mark} ${here(file)} (${counts.tests} tests${notes}, ${Math.round(duration_ms)} ms)\n`
}

function closing(runs: readonly Summary[]): string {
  const sum = (numberOf: (run: Summary) => number): number =>
    runs.reduce((total, run) => total + numberOf(run), 0)
  const others = ({ counts }: Summary): number =>
    counts.passed + counts.cancelled + counts.skipped + counts.todo
  return (
    [
      `# tests ${sum(({ counts }) => counts.tests)}`,
      `# suites ${sum(({ counts }) => counts.suites)}`,
      `# pass ${sum(({ counts }) => counts.passed)}`,
      `# fail ${sum((run) => run.counts.tests - others(run))}`,
      `# cancelled ${sum(({ counts }) => counts.cancelled)}`,
      `# skipped ${sum(({ counts }) => counts.skipped)}`,
      `# todo ${sum(({ counts }) => counts.todo)}`,
      `# duration_ms ${sum((run) => run.duration_ms)}`,
    ].join('\n') + '\n'
  )
}

function here(file: string): string {
  return relative(process.cwd(), file)
}
