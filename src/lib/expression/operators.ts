interface Operator {
  readonly precedence: number
  readonly rightToLeft?: true
}

export const unaryOperators: ReadonlyMap<string, number> = new Map([
  ['not', 50],
  ['!', 50],
  ['-', 90],
  ['+', 90],
])

export const binaryOperators: ReadonlyMap<string, Operator> = new Map(
  Object.entries({
    '|': { precedence: 0 },
    or: { precedence: 10 },
    '||': { precedence: 10 },
    and: { precedence: 15 },
    '&&': { precedence: 15 },
    '==': { precedence: 20 },
    '!=': { precedence: 20 },
    '<': { precedence: 20 },
    '>': { precedence: 20 },
    '>=': { precedence: 20 },
    '<=': { precedence: 20 },
    in: { precedence: 20 },
    matches: { precedence: 20 },
    contains: { precedence: 20 },
    startsWith: { precedence: 20 },
    endsWith: { precedence: 20 },
    '..': { precedence: 25 },
    '+': { precedence: 30 },
    '-': { precedence: 30 },
    '*': { precedence: 60 },
    '/': { precedence: 60 },
    '%': { precedence: 60 },
    '**': { precedence: 100, rightToLeft: true },
    '^': { precedence: 100, rightToLeft: true },
    '??': { precedence: 500 },
  }),
)

/** Those that may follow `not`. */
export const negatable: ReadonlySet<string> = new Set([
  'contains',
  'matches',
  'startsWith',
  'endsWith',
  'in',
])

/** Those of which several may stand in a row: `1 < x < 3`. */
export const comparisons: ReadonlySet<string> = new Set(['<', '>', '>=', '<='])
