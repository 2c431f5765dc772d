// Takes the indentation out of dist/, the last step of the build: V8 keeps the sources of all modules in memory,
// where a sixth of them would be spaces. Lines stay lines, so that stack traces name them.
import { globSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** What tsc says of a file in FILE.js.map (ECMA-426), as far as it matters here. */
interface Mapped {
  readonly mappings: string
}

const DIGITS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'

/**
 * Code without the spaces that lines begin with, and its source map. A file with a template of several lines stays
 * as it is: they are the template's.
 */
export function outdent<T extends Mapped>(code: string, map: T): { code: string; map: T } {
  const lines = code.split('\n')
  const isOdd = (line: string): boolean => line.split('`').length % 2 === 0
  if (lines.some(isOdd)) return { code, map }
  const mappings = map.mappings
    .split(';')
    .map((segments, i) => shift(segments, indentOf(lines[i] ?? '')))
    .join(';')
  return {
    code: lines.map((line) => line.slice(indentOf(line))).join('\n'),
    map: { ...map, mappings },
  }
}

function indentOf(line: string): number {
  return line.length - line.trimStart().length
}

/** The segments of a line whose columns are fewer by `indent`: each begins with the distance to the one before. */
function shift(segments: string, indent: number): string {
  if (segments === '' || indent === 0) return segments
  let was = 0
  let now = 0
  return segments
    .split(',')
    .map((segment) => {
      const { value, length } = readNumber(segment)
      was += value
      const column = Math.max(was - indent, 0)
      const distance = writeNumber(column - now)
      now = column
      return distance + segment.slice(length)
    })
    .join(',')
}

/** The first number of a segment, and how many digits it has: five bits each, the lowest first, the sign in bit 0. */
function readNumber(segment: string): { value: number; length: number } {
  let bits = 0
  let length = 0
  let digit = 0
  do {
    digit = DIGITS.indexOf(segment.charAt(length))
    bits |= (digit & 31) << (5 * length)
    length++
  } while (digit >= 32)
  return { value: (bits & 1) === 1 ? -(bits >> 1) : bits >> 1, length }
}

function writeNumber(value: number): string {
  let bits = value < 0 ? (-value << 1) | 1 : value << 1
  let text = ''
  do {
    text += DIGITS[(bits & 31) | (bits > 31 ? 32 : 0)]
    bits >>= 5
  } while (bits > 0)
  return text
}

if (import.meta.main) {
  const dist = join(import.meta.dirname, '../dist')
  for (const file of globSync('**/*.js', { cwd: dist })) {
    const [path, mapPath] = [join(dist, file), join(dist, `${file}.map`)]
    const { code, map } = outdent(
      readFileSync(path, 'utf8'),
      JSON.parse(readFileSync(mapPath, 'utf8')) as Mapped,
    )
    writeFileSync(path, code)
    writeFileSync(mapPath, JSON.stringify(map))
  }
}
