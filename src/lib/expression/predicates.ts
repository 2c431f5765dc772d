/** What a builtin takes in its parentheses; `?` where it may be missing. */
export type Argument = 'value' | 'predicate' | 'predicate?' | 'value?'

/** The builtins that take a predicate, and their arguments. */
export const withPredicate: ReadonlyMap<string, readonly Argument[]> = new Map([
  ...'all none any one filter map find findIndex findLast findLastIndex groupBy'
    .split(' ')
    .map((name) => [name, ['value', 'predicate']] as [string, Argument[]]),
  ['count', ['value', 'predicate?']],
  ['sum', ['value', 'predicate?']],
  ['sortBy', ['value', 'predicate', 'value?']],
  ['reduce', ['value', 'predicate', 'value?']],
])
