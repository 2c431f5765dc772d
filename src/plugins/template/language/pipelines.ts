import { quote } from '../../../corefile/go-quote.ts'
import { numberNode, unquote } from './constants.ts'
import { Cursor } from './cursor.ts'
import { type Command, operandText, type Operand, type Pipe } from './nodes.ts'
import type { TemplateError, Token, TokenType } from './token.ts'

/** Parses what stands inside actions: pipelines of commands, and the variables they set. */
export class PipelineParser extends Cursor {
  /** Those in scope. */
  protected variables: string[] = ['$']
  readonly #functions: ReadonlySet<string>

  /** @param functions names that may be called */
  constructor(name: string, source: string, functions: ReadonlySet<string>) {
    super(name, source)
    this.#functions = functions
  }

  protected pipeline(context: string, end: 'close' | ')'): Pipe {
    const { at } = this.skipSpace()
    const { variables, assigns } = this.#declarations(context)
    const commands: Command[] = []
    for (;;) {
      const token = this.skipSpace()
      if (token.type === end) break
      if (!startsOperand(token)) this.unexpected(this.take(), context)
      commands.push(this.#command())
    }
    this.next++
    if (commands.length === 0) this.fail(`missing value for ${context}`)
    commands.forEach(({ args: [first] }, index) => {
      const isConstant = ['bool', 'dot', 'nil', 'number', 'string'].includes(first.kind)
      if (index > 0 && isConstant) {
        this.fail(`non executable command in pipeline stage ${index + 1}`)
      }
    })
    return { kind: 'pipe', at, variables, assigns, commands }
  }

  /** `$a :=`, `$a =`, and in a range `$a, $b :=`. */
  #declarations(context: string): Pick<Pipe, 'variables' | 'assigns'> {
    const variables: string[] = []
    for (;;) {
      const start = this.next
      const variable = this.skipSpace()
      if (variable.type !== 'variable') return { variables, assigns: false }
      this.next++
      const sign = this.skipSpace()
      if (sign.type === ':=' || sign.type === '=') {
        this.next++
        variables.push(variable.text)
        this.variables.push(variable.text)
        return { variables, assigns: sign.type === '=' }
      }
      if (sign.type !== 'other' || sign.text !== ',') {
        this.next = start
        return { variables, assigns: false }
      }
      this.next++
      variables.push(variable.text)
      this.variables.push(variable.text)
      if (context !== 'range' || variables.length > 1) {
        this.fail(`too many declarations in ${context}`)
      }
      if (!['variable', 'close', ')'].includes(this.skipSpace().type)) {
        this.fail('range can only initialize variables')
      }
    }
  }

  #command(): Command {
    const { at } = this.skipSpace()
    const args: Operand[] = []
    for (;;) {
      this.skipSpace()
      const operand = this.#operand()
      if (operand !== null) args.push(operand)
      const token = this.peek()
      if (token.type === 'space') continue
      if (token.type === '|') this.next++
      else if (token.type !== 'close' && token.type !== ')') {
        this.unexpected(this.take(), 'operand')
      }
      break
    }
    const [first, ...others] = args
    if (first === undefined) this.fail('empty command')
    return { at, args: [first, ...others] }
  }

  /** A term with fields of it behind it, or null where none begins here. */
  #operand(): Operand | null {
    const term = this.#term()
    if (term === null) return null
    const { at } = this.peek()
    const names: string[] = []
    while (this.peek().type === 'field') names.push(this.take().text.slice(1))
    if (names.length === 0) return term
    switch (term.kind) {
      case 'field':
      case 'variable':
        return { ...term, at, names: [...term.names, ...names] }
      case 'function':
      case 'pipe':
      case 'chain':
        return { kind: 'chain', at, of: term, names }
      default:
        this.fail(`unexpected . after term ${quote(operandText(term))}`)
    }
  }

  #term(): Operand | null {
    const { type, text, at } = this.skipSpace()
    if (!startsOperand(this.peek())) return null
    this.next++
    switch (type) {
      case 'name':
        if (!this.#functions.has(text)) this.fail(`function ${quote(text)} not defined`)
        return { kind: 'function', at, name: text }
      case 'variable':
        if (!this.variables.includes(text)) this.fail(`undefined variable ${quote(text)}`)
        return { kind: 'variable', at, name: text, names: [] }
      case 'field':
        return { kind: 'field', at, names: [text.slice(1)] }
      case 'bool':
        return { kind: 'bool', at, value: text === 'true' }
      case 'string':
      case 'raw': {
        const value = unquote(text) ?? this.fail('invalid syntax')
        return { kind: 'string', at, text: value, source: text }
      }
      case '(':
        return this.deeper(() => this.pipeline('parenthesized pipeline', ')'))
      case 'number':
      case 'char':
        return this.#number(text, at, type === 'char')
      default:
        return { kind: type === 'dot' ? 'dot' : 'nil', at }
    }
  }

  #number(text: string, at: number, isChar: boolean): Operand {
    try {
      return numberNode(text, at, isChar)
    } catch (error) {
      this.fail((error as TemplateError).message)
    }
  }
}

const OPERANDS: ReadonlySet<TokenType> = new Set<TokenType>(
  'name variable field bool string raw ( number char dot'.split(' ') as TokenType[],
)

function startsOperand({ type, text }: Token): boolean {
  return OPERANDS.has(type) || (type === 'keyword' && text === 'nil')
}
