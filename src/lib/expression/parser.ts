import type { BuiltinNode, Node } from './ast.ts'
import { Mistake } from './error.ts'
import { describeToken, type Token } from './lexer.ts'
import { readNumber } from './number.ts'
import { binaryOperators, comparisons, negatable, unaryOperators } from './operators.ts'
import { readPostfix } from './postfix.ts'
import { type Argument, withPredicate } from './predicates.ts'
import { Tokens } from './tokens.ts'

/** Parses an expression. Throws Mistake. `isBuiltin` tells a builtin's name from a variable's. */
export function parse(text: string, isBuiltin: (name: string) => boolean): Node {
  return new Parser(new Tokens(text), isBuiltin).parse()
}

class Parser {
  readonly #tokens: Tokens
  readonly #isBuiltin: (name: string) => boolean
  /** Predicates around the current token: only inside one `#` has a meaning. */
  #predicates = 0

  constructor(tokens: Tokens, isBuiltin: (name: string) => boolean) {
    this.#tokens = tokens
    this.#isBuiltin = isBuiltin
  }

  parse(): Node {
    const node = this.#sequence()
    this.#tokens.expect('EOF')
    return node
  }

  #sequence(): Node {
    const nodes = [this.#expression()]
    while (this.#tokens.accept('Operator', ';')) {
      if (this.#tokens.is('EOF')) break
      nodes.push(this.#expression())
    }
    const { at } = nodes[0]!
    return nodes.length === 1 ? nodes[0]! : this.#tokens.count({ kind: 'sequence', nodes, at })
  }

  #expression(): Node {
    return this.#tokens.within(() => {
      if (this.#tokens.is('Operator', 'let')) return this.#variable()
      if (this.#tokens.is('Operator', 'if')) return this.#if()
      return this.#ternary(this.#binary(0))
    })
  }

  #binary(precedence: number): Node {
    const tokens = this.#tokens
    let left = this.#primary()
    let before = ''
    for (;;) {
      if (!tokens.is('Operator')) return left
      const negate = tokens.is('Operator', 'not')
      const token = negate ? tokens.following : tokens.current
      if (negate && !negatable.has(token.value)) return tokens.unexpected(token)
      const operator = binaryOperators.get(token.value)
      if (operator === undefined || operator.precedence < precedence) return left
      if (negate) tokens.take()
      tokens.take()
      if (before === '??' && token.value !== '??' && token.value !== '|') mixed(token)
      before = token.value
      if (token.value === '|') left = this.#call(tokens.expect('Identifier'), [left])
      else if (comparisons.has(token.value)) left = this.#comparison(left, token)
      else {
        const bound = operator.precedence + (operator.rightToLeft === true ? 0 : 1)
        const right = tokens.within(() => this.#binary(bound))
        const { value, at } = token
        left = tokens.count({ kind: 'binary', operator: value, left, right, at })
        if (negate) left = tokens.count({ kind: 'unary', operator: 'not', of: left, at })
      }
    }
  }

  /** `1 < x < 3` is `1 < x && x < 3`. */
  #comparison(first: Node, operator: Token): Node {
    const tokens = this.#tokens
    let all: Node | null = null
    let left = first
    for (let token = operator; ; token = tokens.take()) {
      const { value, at } = token
      const { precedence } = binaryOperators.get(value)!
      const right = tokens.within(() => this.#binary(precedence + 1))
      const one: Node = tokens.count({ kind: 'binary', operator: value, left, right, at })
      all =
        all === null
          ? one
          : tokens.count({ kind: 'binary', operator: '&&', left: all, right: one, at })
      left = right
      if (!tokens.is('Operator') || !comparisons.has(tokens.current.value)) return all
    }
  }

  #variable(): Node {
    this.#tokens.take()
    const { value: name, at } = this.#tokens.expect('Identifier')
    this.#tokens.expect('Operator', '=')
    const value = this.#expression()
    this.#tokens.expect('Operator', ';')
    return this.#tokens.count({ kind: 'let', name, value, body: this.#sequence(), at })
  }

  #if(): Node {
    const tokens = this.#tokens
    const { at } = tokens.take()
    const condition = this.#expression()
    const yes = this.#braces()
    tokens.expect('Operator', 'else')
    const no = tokens.is('Operator', 'if') ? tokens.within(() => this.#if()) : this.#braces()
    return tokens.count({ kind: 'conditional', condition, yes, no, at })
  }

  #braces(): Node {
    this.#tokens.expect('Bracket', '{')
    const node = this.#sequence()
    this.#tokens.expect('Bracket', '}')
    return node
  }

  #ternary(condition: Node): Node {
    const tokens = this.#tokens
    if (!tokens.is('Operator', '?')) return condition
    const { at } = tokens.take()
    const yes = tokens.is('Operator', ':') ? condition : this.#expression()
    tokens.expect('Operator', ':')
    const no = this.#expression()
    return tokens.count({ kind: 'conditional', condition, yes, no, at })
  }

  #primary(): Node {
    const tokens = this.#tokens
    const { current } = tokens
    const { kind, value, at } = current
    const unary = kind === 'Operator' ? unaryOperators.get(value) : undefined
    if (unary !== undefined) {
      tokens.take()
      const of = tokens.within(() => this.#binary(unary))
      return this.#postfix(tokens.count({ kind: 'unary', operator: value, of, at }))
    }
    if (tokens.accept('Bracket', '(')) {
      const node = this.#sequence()
      tokens.expect('Bracket', ')')
      return this.#postfix(node)
    }
    if (this.#predicates > 0 && (tokens.is('Operator', '#') || tokens.is('Operator', '.'))) {
      const name =
        tokens.accept('Operator', '#') && tokens.is('Identifier') ? tokens.take().value : ''
      return this.#postfix(tokens.count({ kind: 'pointer', name, at }))
    }
    if (tokens.accept('Operator', '::')) {
      const name = tokens.expect('Identifier')
      return this.#postfix(this.#call(name, [], () => true))
    }
    return this.#literalOrName(current)
  }

  #literalOrName(token: Token): Node {
    const tokens = this.#tokens
    const { kind, value, at } = token
    if (kind === 'Number') return tokens.count(readNumber(tokens.take()))
    if (kind === 'String') {
      tokens.take()
      return this.#postfix(tokens.count({ kind: 'string', value, at }))
    }
    if (kind === 'Identifier') {
      tokens.take()
      if (value === 'true' || value === 'false') {
        return tokens.count({ kind: 'bool', value: value === 'true', at })
      }
      if (value === 'nil') return tokens.count({ kind: 'nil', at })
      if (tokens.is('Bracket', '(')) return this.#postfix(this.#call(token, []))
      return this.#postfix(tokens.count({ kind: 'name', name: value, at }))
    }
    if (tokens.is('Bracket', '[')) return this.#postfix(this.#array())
    if (tokens.is('Bracket', '{')) return this.#postfix(this.#map())
    return tokens.unexpected(token)
  }

  /** A call of `name`; what is piped in is its first argument. */
  #call(
    { value: name, at }: Token,
    piped: readonly Node[],
    isBuiltin: (name: string) => boolean = this.#isBuiltin,
  ): Node {
    const tokens = this.#tokens
    const predicated = isBuiltin(name) ? withPredicate.get(name) : undefined
    if (predicated !== undefined) {
      const args = this.#predicateArguments(predicated, piped)
      return tokens.count<BuiltinNode>({ kind: 'builtin', name, args, at })
    }
    const args = [...piped, ...this.#expressions('(', ')')]
    if (isBuiltin(name)) return tokens.count<Node>({ kind: 'builtin', name, args, at })
    const callee: Node = tokens.count({ kind: 'name', name, at })
    return tokens.count({ kind: 'call', callee, args, at })
  }

  #predicateArguments(kinds: readonly Argument[], piped: readonly Node[]): readonly Node[] {
    const tokens = this.#tokens
    const args = [...piped]
    tokens.expect('Bracket', '(')
    for (const [index, kind] of kinds.entries()) {
      if (index < piped.length) continue
      if (tokens.is('Bracket', ')')) {
        if (kind.endsWith('?')) break
        throw new Mistake(`expected at least ${kinds.length} arguments`, tokens.current.at)
      }
      if (args.length > piped.length) tokens.expect('Operator', ',')
      args.push(kind.startsWith('value') ? this.#expression() : this.#predicate())
    }
    tokens.accept('Operator', ',')
    tokens.expect('Bracket', ')')
    return args
  }

  #predicate(): Node {
    const { at } = this.#tokens.current
    this.#predicates++
    const body = this.#tokens.is('Bracket', '{') ? this.#braces() : this.#expression()
    this.#predicates--
    if (this.#tokens.is('Operator', ';')) {
      throw new Mistake('wrap predicate with brackets { and }', this.#tokens.current.at)
    }
    return this.#tokens.count({ kind: 'predicate', body, at })
  }

  /** Items between brackets, with commas between them, and perhaps one after the last. */
  #list<T>(open: string, close: string, read: () => T): readonly T[] {
    const tokens = this.#tokens
    const items: T[] = []
    tokens.expect('Bracket', open)
    while (!tokens.is('Bracket', close)) {
      if (items.length > 0) tokens.expect('Operator', ',')
      if (items.length > 0 && tokens.is('Bracket', close)) break
      items.push(read())
    }
    tokens.take()
    return items
  }

  #expressions(open: string, close: string): readonly Node[] {
    return this.#list(open, close, () => this.#expression())
  }

  #array(): Node {
    const { at } = this.#tokens.current
    return this.#tokens.count({ kind: 'array', nodes: this.#expressions('[', ']'), at })
  }

  #map(): Node {
    const tokens = this.#tokens
    const { at } = tokens.current
    const pairs = this.#list('{', '}', () => {
      const key = this.#key()
      tokens.expect('Operator', ':')
      return tokens.count({ key, value: this.#expression() })
    })
    return tokens.count({ kind: 'map', pairs, at })
  }

  #key(): Node {
    const tokens = this.#tokens
    const { kind, value, at } = tokens.current
    if (kind === 'Bracket' && value === '(') return this.#expression()
    if (kind === 'Number' || kind === 'String' || kind === 'Identifier') {
      tokens.take()
      return tokens.count({ kind: 'string', value, at })
    }
    throw new Mistake(
      'a map key must be a quoted string, a number, a identifier, or an expression enclosed in ' +
        `parentheses (unexpected token ${describeToken(tokens.current)})`,
      at,
    )
  }

  #postfix(start: Node): Node {
    return readPostfix(this.#tokens, start, {
      expression: () => this.#expression(),
      args: () => this.#expressions('(', ')'),
    })
  }
}

function mixed({ value, at }: Token): never {
  throw new Mistake(
    `Operator (${value}) and coalesce expressions (??) cannot be mixed. Wrap either by parentheses.`,
    at,
  )
}
