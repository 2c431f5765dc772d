/** How many lines of a file can run, and how many did. */
interface FileCoverage {
  /** Path from the repository's root. */
  readonly file: string
  readonly lines: number
  readonly hit: number
}

/** Whoever answers queries is tested in every line. */
const CORE = /^src\/(?:wire|corefile|serve)\//

/** Of the lines elsewhere, all files together. */
const REST_PERCENT = 95

/** Reads the records of an lcov file: SF names a file, LF and LH count its lines. */
export function parseLcov(text: string): FileCoverage[] {
  return text
    .split('end_of_record')
    .filter((record) => record.trim() !== '')
    .map((record) => {
      const field = (name: string): string | undefined =>
        new RegExp(`^${name}:(.*)$`, 'm').exec(record)?.at(1)
      const [file, lines, hit] = [field('SF'), Number(field('LF')), Number(field('LH'))]
      if (file === undefined || Number.isNaN(lines + hit)) {
        throw new Error(`Cannot read lcov record: SF, LF or LH is missing in "${record.trim()}"`)
      }
      return { file, lines, hit }
    })
}

/** What is not tested enough, a line each. Throws Error where one of the two parts has no file at all. */
export function untested(files: readonly FileCoverage[]): string[] {
  const core = files.filter(({ file }) => CORE.test(file))
  const rest = files.filter(({ file }) => !CORE.test(file))
  if (core.length === 0 || rest.length === 0) throw new Error('Cannot judge coverage of no files')
  const problems = core
    .filter(({ lines, hit }) => hit < lines)
    .map(({ file, lines, hit }) => `${file}: ${hit} of ${lines} lines run, expected all`)
  const lines = rest.reduce((sum, one) => sum + one.lines, 0)
  const hit = rest.reduce((sum, one) => sum + one.hit, 0)
  if (hit * 100 < lines * REST_PERCENT) {
    const percent = ((hit / lines) * 100).toFixed(2)
    problems.push(
      `outside wire, corefile and serve: ${percent} % of lines run, expected ${REST_PERCENT} %`,
    )
  }
  return problems
}
