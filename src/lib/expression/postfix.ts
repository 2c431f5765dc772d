import type { Node } from './ast.ts'
import { Mistake } from './error.ts'
import type { Tokens } from './tokens.ts'

interface Read {
  expression(): Node
  /** What stands between the parentheses of a call. */
  args(): readonly Node[]
}

/** What follows a value: `.name`, `?.name`, `.name(…)`, `[index]`, `[from:to]`. Throws Mistake. */
export function readPostfix(tokens: Tokens, start: Node, read: Read): Node {
  let node = start
  for (;;) {
    const { kind, value } = tokens.current
    if (kind === 'Operator' && (value === '.' || value === '?.')) {
      node = readMember(tokens, node, read)
    } else if (kind === 'Bracket' && value === '[') node = readIndex(tokens, node, false, read)
    else return node
  }
}

function readMember(tokens: Tokens, of: Node, read: Read): Node {
  const optional = tokens.take().value === '?.'
  if (optional && tokens.is('Bracket', '[')) return readIndex(tokens, of, true, read)
  const { kind, value, at } = tokens.take()
  // Words such as `not` and `in` are names here.
  if (kind !== 'Identifier' && (kind !== 'Operator' || !/^[a-zA-Z]+$/.test(value))) {
    throw new Mistake('expected name', tokens.current.at)
  }
  const property: Node = tokens.count({ kind: 'string', value, at })
  const chained = of.kind === 'chain'
  const inner = chained ? of.of : of
  let node: Node = tokens.count({ kind: 'member', of: inner, property, optional, at })
  if (tokens.is('Bracket', '(')) {
    node = tokens.count({ kind: 'call', callee: node, args: read.args(), at })
  }
  return chained || optional ? tokens.count({ kind: 'chain', of: node, at }) : node
}

function readIndex(tokens: Tokens, of: Node, optional: boolean, read: Read): Node {
  const { at } = tokens.expect('Bracket', '[')
  const from = tokens.is('Operator', ':') ? null : read.expression()
  if (from === null || tokens.is('Operator', ':')) {
    tokens.expect('Operator', ':')
    const to = tokens.is('Bracket', ']') ? null : read.expression()
    tokens.expect('Bracket', ']')
    return tokens.count({ kind: 'slice', of, from, to, at })
  }
  tokens.expect('Bracket', ']')
  const node: Node = tokens.count({ kind: 'member', of, property: from, optional, at })
  return optional ? tokens.count({ kind: 'chain', of: node, at }) : node
}
