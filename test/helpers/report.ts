import { relative } from 'node:path'
import type { TestEvent } from 'node:test/reporters'
import { inspect } from 'node:util'

type DataOf<Type extends TestEvent['type']> = Extract<TestEvent, { type: Type }>['data']

/**
 * A reporter for `run()` of node:test: one line per file, every failure in full, every reason to
 * skip, and the runner's usual closing lines (`# tests`, `# pass`, …) at the very end.
 */
export async function* report(source: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  const skipped: string[] = []
  const failed: string[] = []
  let path: string[] = []
  for await (const event of source) {
    switch (event.type) {
      case 'test:start':
        path = [...path.slice(0, event.data.nesting), event.data.name]
        break
      case 'test:pass':
        if (typeof event.data.skip === 'string') skipped.push(reasonOf(event.data))
        break
      case 'test:fail': {
        if (isConsequence(event.data)) break
        const name = nameOf(path.slice(0, event.data.nesting), event.data)
        failed.push(name)
        yield failure(name, event.data)
        break
      }
      case 'test:stdout':
      case 'test:stderr':
        yield event.data.message
        break
      case 'test:summary':
        yield event.data.file === undefined
          ? list('Skipped', skipped) + list('Failed', failed) + closing(event.data)
          : fileLine(event.data, event.data.file)
        break
      default:
        break
    }
  }
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

function fileLine({ counts, duration_ms, success }: DataOf<'test:summary'>, file: string): string {
  const notes = counts.skipped > 0 ? `, ${counts.skipped} skipped` : ''
  const mark = success ? '✔' : '✖'
  return `${mark} ${here(file)} (${counts.tests} tests${notes}, ${Math.round(duration_ms)} ms)\n`
}

function closing({ counts, duration_ms }: DataOf<'test:summary'>): string {
  return (
    [
      `# tests ${counts.tests}`,
      `# suites ${counts.suites}`,
      `# pass ${counts.passed}`,
      `# fail ${counts.tests - counts.passed - counts.cancelled - counts.skipped - counts.todo}`,
      `# cancelled ${counts.cancelled}`,
      `# skipped ${counts.skipped}`,
      `# todo ${counts.todo}`,
      `# duration_ms ${duration_ms}`,
    ].join('\n') + '\n'
  )
}

function here(file: string): string {
  return relative(process.cwd(), file)
}
