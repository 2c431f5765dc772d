import { Mistake } from './error.ts'

const simple: Readonly<Record<string, string>> = {
  a: '\u0007',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
  '\\': '\\',
  "'": "'",
  '"': '"',
}

/** What stands between the quotes of a string literal. Throws Mistake. */
export function unescape(chars: readonly string[], at: number): string {
  let text = ''
  for (let i = 0; i < chars.length; i++) {
    if (chars[i] !== '\\') {
      text += chars[i]!
      continue
    }
    const [size, value] = escape(chars.slice(i + 1, i + 11).join(''), at + i)
    text += value
    i += size
  }
  return text
}

/** The characters that an escape has after its backslash, and what it means. */
function escape(rest: string, at: number): readonly [size: number, value: string] {
  const letter = simple[rest.slice(0, 1)]
  if (letter !== undefined) return [1, letter]
  const found =
    /^(?<octal>[0-7]{3})|^x(?<two>[\da-fA-F]{2})|^u(?<four>[\da-fA-F]{4})|^u\{(?<braced>[\da-fA-F]{1,6})\}|^U(?<eight>[\da-fA-F]{8})/.exec(
      rest,
    )
  const { octal, ...hex } = found?.groups ?? {}
  const digits = Object.values(hex).find((value) => value !== undefined)
  const code = octal === undefined ? Number.parseInt(digits ?? '', 16) : Number.parseInt(octal, 8)
  if (found === null || !(code <= 0x10ffff)) throw new Mistake('invalid char escape', at)
  return [found[0].length, String.fromCodePoint(code)]
}
