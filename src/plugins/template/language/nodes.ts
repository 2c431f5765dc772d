import { quote } from '../../../corefile/go-quote.ts'

/** A constant: what it can be, as Go's untyped constants. */
export interface NumberNode {
  readonly kind: 'number'
  readonly at: number
  readonly text: string
  /** Null where it has a fraction or is too large for 64 bits. */
  readonly integer: bigint | null
  readonly float: number
  /** Written as a float: it is one where nobody asks for an integer. */
  readonly isFloat: boolean
}

/** What a command consists of. */
export type Operand =
  | { readonly kind: 'dot' | 'nil'; readonly at: number }
  | { readonly kind: 'bool'; readonly at: number; readonly value: boolean }
  | NumberNode
  | { readonly kind: 'string'; readonly at: number; readonly text: string; readonly source: string }
  | { readonly kind: 'function'; readonly at: number; readonly name: string }
  | { readonly kind: 'field'; readonly at: number; readonly names: readonly string[] }
  | {
      readonly kind: 'variable'
      readonly at: number
      readonly name: string
      readonly names: readonly string[]
    }
  | {
      readonly kind: 'chain'
      readonly at: number
      readonly of: Operand
      readonly names: readonly string[]
    }
  | Pipe

export interface Command {
  readonly at: number
  /** One at least: what is called, and its arguments. */
  readonly args: readonly [Operand, ...Operand[]]
}

export interface Pipe {
  readonly kind: 'pipe'
  readonly at: number
  /** Variables that get the value, `$` included. */
  readonly variables: readonly string[]
  /** `=` in place of `:=`. */
  readonly assigns: boolean
  readonly commands: readonly Command[]
}

/** `if`, `with` and `range`. */
export interface Control {
  readonly kind: 'if' | 'with' | 'range'
  readonly at: number
  readonly pipe: Pipe
  readonly body: readonly Node[]
  readonly otherwise: readonly Node[] | null
}

export type Node =
  | { readonly kind: 'text'; readonly at: number; readonly text: string }
  | { readonly kind: 'action'; readonly at: number; readonly pipe: Pipe }
  | Control
  | {
      readonly kind: 'template'
      readonly at: number
      readonly name: string
      readonly pipe: Pipe | null
    }
  | { readonly kind: 'break' | 'continue'; readonly at: number }

/** An operand as Go prints it, in error messages and in the metrics' label `template`. */
export function operandText(operand: Operand): string {
  switch (operand.kind) {
    case 'dot':
      return '.'
    case 'nil':
      return 'nil'
    case 'bool':
      return String(operand.value)
    case 'number':
      return operand.text
    case 'string':
      return operand.source
    case 'function':
      return operand.name
    case 'field':
      return `.${operand.names.join('.')}`
    case 'variable':
      return [operand.name, ...operand.names].join('.')
    case 'chain': {
      const of = operandText(operand.of)
      return `${operand.of.kind === 'pipe' ? `(${of})` : of}.${operand.names.join('.')}`
    }
    case 'pipe': {
      const { variables, assigns, commands } = operand
      const target = variables.length > 0 ? `${variables.join(', ')} ${assigns ? '=' : ':='} ` : ''
      return `${target}${commands.map(commandText).join(' | ')}`
    }
  }
}

export function commandText({ args }: Command): string {
  return args
    .map((arg) => (arg.kind === 'pipe' ? `(${operandText(arg)})` : operandText(arg)))
    .join(' ')
}

/** Nodes as Go prints a tree. */
export function nodesText(nodes: readonly Node[]): string {
  return nodes.map(nodeText).join('')
}

export function nodeText(node: Node): string {
  switch (node.kind) {
    case 'text':
      return node.text
    case 'action':
      return `{{${operandText(node.pipe)}}}`
    case 'break':
    case 'continue':
      return `{{${node.kind}}}`
    case 'template': {
      const pipe = node.pipe === null ? '' : ` ${operandText(node.pipe)}`
      return `{{template ${quote(node.name)}${pipe}}}`
    }
    default: {
      const otherwise = node.otherwise === null ? '' : `{{else}}${nodesText(node.otherwise)}`
      return `{{${node.kind} ${operandText(node.pipe)}}}${nodesText(node.body)}${otherwise}{{end}}`
    }
  }
}
