const LITERAL = /[-a-z0-9_]/
const QUANTIFIER = /[*+?{]/
/** As a part of names, shorter ones are too common to tell much. */
const MIN_LENGTH = 2

/**
 * The longest text that every name has which a pattern matches, as far as that is seen without understanding
 * it: a run of letters, digits, hyphens, underscores and escaped dots outside of groups. '' where none is
 * seen. `(.*)-(a)\.example\.org$` needs `.example.org`.
 */
export function requiredText(pattern: string): string {
  let depth = 0
  let run = ''
  let longest = ''
  const end = (): void => {
    if (depth === 0 && run.length > longest.length) longest = run
    run = ''
  }
  for (let at = 0; at < pattern.length;) {
    const size = pattern[at] === '\\' ? 2 : 1
    const piece = pattern.slice(at, at + size)
    // Flags, alternatives for the whole, text quoted by \Q: the next one who reads this may try.
    if (pattern.startsWith('(?', at) || (piece === '|' && depth === 0) || piece === '\\Q') return ''
    at += size
    const literal = piece === '\\.' || piece === '\\-' || (size === 1 && LITERAL.test(piece))
    const isOptional = QUANTIFIER.test(pattern[at] ?? '')
    if (literal && !isOptional) {
      run += piece.at(-1)!
      continue
    }
    end()
    if (piece === '[') at = endOfClass(pattern, at)
    else if (piece === '(') depth++
    else if (piece === ')') depth--
  }
  end()
  return longest.length < MIN_LENGTH ? '' : longest
}

/** The offset after the class whose `[` stands before `start`. */
function endOfClass(pattern: string, start: number): number {
  let at = start
  if (pattern[at] === '^') at++
  // A bracket that comes first is a member.
  if (pattern[at] === ']') at++
  while (at < pattern.length && pattern[at] !== ']') {
    if (pattern.startsWith('[:', at)) at = pattern.indexOf(':]', at) + 1
    at += pattern[at] === '\\' ? 2 : 1
  }
  return at + 1
}
