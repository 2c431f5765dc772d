/** Configuration of yargs' parser that guesses nothing: one dash is as good as two, a value is what was typed. */
export const asTyped = {
  'short-option-groups': false,
  'dot-notation': false,
  'boolean-negation': false,
  'camel-case-expansion': false,
  'parse-numbers': false,
  'strip-aliased': true,
} as const

/**
 * A word of the command line as that parser is to have it: a bare boolean gets its value here, for else a
 * word after it that reads "true" or "false" would be one.
 *
 * @param isBoolean whether a flag of this name takes its value behind `=` only
 * @param refuse called with a name that the parser keeps for values of its own
 */
export function withValue(
  word: string,
  isBoolean: (name: string) => boolean,
  refuse: (name: string) => never,
): string {
  const [, reserved] = /^--?([_$][^=]*)/.exec(word) ?? []
  if (reserved !== undefined) refuse(reserved)
  const [, name = ''] = /^--?(.+)$/.exec(word) ?? []
  return isBoolean(name) ? `${word}=true` : word
}
