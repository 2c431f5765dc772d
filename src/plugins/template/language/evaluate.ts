import { quote } from '../../../corefile/go-quote.ts'
import { functions } from './functions.ts'
import {
  type Command,
  commandText,
  type NumberNode,
  type Operand,
  operandText,
  type Pipe,
} from './nodes.ts'
import type { Tree } from './parse.ts'
import { TemplateError } from './token.ts'
import {
  Budget,
  type Callable,
  Dict,
  Float,
  Int,
  isStruct,
  type Parameter,
  truth,
  typeOf,
  type Value,
  type Variable,
} from './values.ts'

/** What one run may take: as much as a record of the longest name needs many times over. */
const MAX_STEPS = 20_000

/** No value was handed on by a command before. */
const missing: unique symbol = Symbol('missing')
type Final = Value | typeof missing

/** What a command gives to that which it calls. */
interface Called {
  readonly args: readonly Operand[]
  readonly final: Final
  /** The command, for errors of the function itself. */
  readonly offset: number
  readonly text: () => string
}

/** Evaluates pipelines: what stands inside the actions of a template. */
export class Evaluator {
  protected readonly tree: Tree
  readonly #budget = new Budget(MAX_STEPS)
  protected name: string
  protected variables: Variable[]
  /** Where it is, for errors. */
  protected at: { readonly offset: number; readonly text: () => string } | null = null

  constructor(tree: Tree, data: Value) {
    this.tree = tree
    this.name = tree.name
    this.variables = [{ name: '$', value: data }]
  }

  protected fail(problem: string): never {
    const name = quote(this.name)
    if (this.at === null) {
      throw new TemplateError(`template: ${this.tree.name}: executing ${name}: ${problem}`)
    }
    const { offset, text } = this.at
    const before = this.tree.source.slice(0, offset)
    const line = before.split('\n').length
    const column = Buffer.byteLength(before.slice(before.lastIndexOf('\n') + 1))
    const place = `${this.tree.name}:${line}:${column}`
    throw new TemplateError(`template: ${place}: executing ${name} at <${text()}>: ${problem}`)
  }

  /** Remembers where it is, and that it came there. */
  #note(operand: Operand): void {
    this.at = { offset: operand.at, text: () => operandText(operand) }
    this.spend()
  }

  protected spend(characters = 0): void {
    try {
      this.#budget.spend(characters)
    } catch (error) {
      this.fail((error as TemplateError).message)
    }
  }

  protected pipe(dot: Value, pipe: Pipe): Value {
    this.#note(pipe)
    let value: Final = missing
    for (const command of pipe.commands) value = this.#command(dot, command, value)
    const result = value as Value
    for (const name of pipe.variables) {
      if (pipe.assigns) this.assign(name, result)
      else this.variables.push({ name, value: result })
    }
    return result
  }

  #find(name: string): Variable {
    return (
      this.variables.findLast((variable) => variable.name === name) ??
      this.fail(`undefined variable: ${name}`)
    )
  }

  protected assign(name: string, value: Value): void {
    this.#find(name).value = value
  }

  #command(dot: Value, command: Command, final: Final): Value {
    const [first, ...args] = command.args
    const text = (): string => commandText(command)
    switch (first.kind) {
      case 'field':
      case 'chain':
      case 'variable':
      case 'function':
        return this.#term(dot, first, { args, final, offset: command.at, text })
      default:
    }
    this.#note(first)
    this.#noArguments(first, args, final)
    if (first.kind === 'nil') this.fail('nil is not a command')
    return this.#constant(dot, first)
  }

  #noArguments(first: Operand, args: readonly Operand[], final: Final): void {
    if (args.length > 0 || final !== missing) {
      const shown = first.kind === 'pipe' ? `(${operandText(first)})` : operandText(first)
      this.fail(`can't give argument to non-function ${shown}`)
    }
  }

  #constant(dot: Value, operand: Operand): Value {
    switch (operand.kind) {
      case 'dot':
        return dot
      case 'bool':
        return operand.value
      case 'string':
        return operand.text
      case 'pipe':
        return this.pipe(dot, operand)
      case 'number':
        return this.#number(operand)
      default:
        return null
    }
  }

  #number({ float, integer, isFloat, text }: NumberNode): Value {
    if (isFloat) return new Float(float)
    if (integer === null || integer >= 2n ** 63n) this.fail(`${text} overflows int`)
    return new Int(integer)
  }

  /** A field, variable, chain or function, called with what the command gives it. */
  #term(dot: Value, operand: Operand, called: Called | null): Value {
    this.#note(operand)
    const given = called ?? {
      args: [],
      final: missing,
      offset: operand.at,
      text: () => operandText(operand),
    }
    switch (operand.kind) {
      case 'field':
        return this.#fields(dot, dot, operand.names, operand, given)
      case 'function':
        return this.#call(dot, operand.name, functions.get(operand.name)!, given)
      case 'variable': {
        const { value } = this.#find(operand.name)
        if (operand.names.length > 0) {
          return this.#fields(dot, value, operand.names, operand, given)
        }
        this.#noArguments(operand, given.args, given.final)
        return value
      }
      case 'chain':
        return this.#fields(
          dot,
          this.#argument(dot, 'any', operand.of),
          operand.names,
          operand,
          given,
        )
      default:
        return this.#constant(dot, operand)
    }
  }

  /** `.A.B.C`: only the last may be a method with arguments. */
  #fields(
    dot: Value,
    start: Value,
    names: readonly string[],
    operand: Operand,
    called: Called,
  ): Value {
    let value = start
    names.forEach((name, i) => {
      const none = { ...called, args: [], final: missing } as const
      this.at = { offset: operand.at, text: () => operandText(operand) }
      value = this.#field(dot, value, name, i === names.length - 1 ? called : none)
    })
    return value
  }

  #field(dot: Value, receiver: Value, name: string, called: Called): Value {
    if (receiver === undefined || receiver === null) return undefined
    const hasArguments = called.args.length > 0 || called.final !== missing
    if (receiver instanceof Dict) {
      if (hasArguments) this.fail(`${name} is not a method but has arguments`)
      return receiver.entries.get(name)
    }
    if (isStruct(receiver)) {
      const method = Object.hasOwn(receiver.methods, name) ? receiver.methods[name] : undefined
      if (method !== undefined) return this.#call(dot, name, method, called)
      const field = Object.hasOwn(receiver.fields, name) ? receiver.fields[name] : undefined
      if (field !== undefined) {
        if (receiver.isNil === true) this.fail(`nil pointer evaluating ${receiver.type}.${name}`)
        if (hasArguments) this.fail(`${name} has arguments but cannot be invoked as function`)
        return field()
      }
    }
    this.fail(`can't evaluate field ${name} in type ${typeOf(receiver)}`)
  }

  #call(dot: Value, name: string, callable: Callable, called: Called): Value {
    const { args, final, offset, text } = called
    const { parameters, rest } = callable
    const count = args.length + (final === missing ? 0 : 1)
    if (rest === undefined ? count !== parameters.length : count < parameters.length) {
      const want = rest === undefined ? parameters.length : `at least ${parameters.length}`
      this.fail(
        `wrong number of args for ${name}: want ${want} got ${rest === undefined ? count : args.length}`,
      )
    }
    if (callable === functions.get('and') || callable === functions.get('or')) {
      return this.#andOr(dot, name === 'or', args, final)
    }
    const values = args.map((arg, i) => this.#argument(dot, parameters[i] ?? rest ?? 'any', arg))
    if (final !== missing) {
      values.push(this.#check(final, parameters[values.length] ?? rest ?? 'any'))
    }
    let value: Value
    try {
      value = callable.call(values, this.#budget)
    } catch (error) {
      if (!(error instanceof TemplateError)) throw error
      this.at = { offset, text }
      this.fail(`error calling ${name}: ${error.message}`)
    }
    if (typeof value === 'string') this.spend(value.length)
    return value
  }

  #andOr(dot: Value, ends: boolean, args: readonly Operand[], final: Final): Value {
    let value: Value
    for (const arg of args) {
      value = this.#argument(dot, 'any', arg)
      if (truth(value) === ends) return value
    }
    return final === missing ? value : final
  }

  #argument(dot: Value, type: Parameter, operand: Operand): Value {
    this.#note(operand)
    switch (operand.kind) {
      case 'field':
      case 'chain':
      case 'variable':
      case 'function':
        return this.#check(this.#term(dot, operand, null), type)
      case 'dot':
      case 'pipe':
        return this.#check(this.#constant(dot, operand), type)
      case 'nil':
        return type === 'any' ? null : this.fail(`cannot assign nil to ${type}`)
      default:
    }
    if (type === 'string' && operand.kind !== 'string') {
      this.fail(`expected string; found ${operandText(operand)}`)
    }
    if (type === 'int') {
      if (operand.kind !== 'number' || operand.integer === null) {
        this.fail(`expected integer; found ${operandText(operand)}`)
      }
      return new Int(operand.integer)
    }
    return this.#constant(dot, operand)
  }

  #check(value: Value, type: Parameter): Value {
    if (type === 'any') return value
    if (value === undefined || value === null) this.fail(`invalid value; expected ${type}`)
    if (typeOf(value) !== type) {
      this.fail(`wrong type for value; expected ${type}; got ${typeOf(value)}`)
    }
    return value
  }
}
