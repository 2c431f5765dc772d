import type { BinaryNode, MemberNode, Node, NodeOf } from './ast.ts'
import { builtins } from './builtins.ts'
import { compilePredicate, type PointerSlots, truth } from './compile-predicate.ts'
import { Mistake } from './error.ts'
import type { Evaluate, Frame } from './frame.ts'
import { compileMatch, type CompilePattern } from './match.ts'
import { fetch, inRange, negate, operations, slice } from './operations.ts'
import { Float, typeName, type Value } from './value.ts'

interface Compiled {
  readonly evaluate: Evaluate
  /** How many variables and pointers it has. */
  readonly slots: number
}

/** Makes functions of a checked expression. Throws Mistake, as for a constant pattern that is none. */
export function compile(node: Node, compilePattern: CompilePattern): Compiled {
  const compiler = new Compiler(compilePattern)
  return { evaluate: compiler.compile(node), slots: compiler.slots }
}

/** What an optional chain gives up with: `nil?.a.b` is nil, not a failure of `.b`. */
const GIVEN_UP: unique symbol = Symbol('given up')
type Linked = (frame: Frame) => Value | typeof GIVEN_UP

class Compiler {
  slots = 0
  readonly #compilePattern: CompilePattern
  readonly #variables: { readonly name: string; readonly slot: number }[] = []
  readonly #pointers: PointerSlots[] = []

  constructor(compilePattern: CompilePattern) {
    this.#compilePattern = compilePattern
  }

  readonly compile = (node: Node): Evaluate => {
    switch (node.kind) {
      case 'nil':
        return constant(null)
      case 'float':
        return constant(new Float(node.value))
      case 'bool':
      case 'int':
      case 'string':
        return constant(node.value)
      case 'name':
        return this.#name(node.name)
      case 'pointer':
        return this.#pointer(node)
      case 'unary':
        return this.#unary(node)
      case 'binary':
        return this.#binary(node)
      default:
        return this.#larger(node)
    }
  }

  #larger(node: Node): Evaluate {
    switch (node.kind) {
      case 'chain':
        return settled(this.#link(node.of))
      case 'slice':
        return this.#slice(node)
      case 'builtin':
        return this.#builtin(node)
      case 'let':
        return this.#let(node)
      case 'sequence':
        return lastOf(node.nodes.map(this.compile))
      case 'conditional':
        return this.#conditional(node)
      case 'array':
        return this.#array(node)
      case 'map':
        return this.#map(node)
      default:
        return settled(this.#link(node))
    }
  }

  #name(name: string): Evaluate {
    const variable = this.#variables.findLast((one) => one.name === name)
    if (variable !== undefined) return ({ slots }) => slots[variable.slot]!
    if (name === '$env') return ({ environment }) => new Map(Object.entries(environment))
    return ({ environment }) => environment[name] ?? null
  }

  #pointer({ name }: NodeOf<'pointer'>): Evaluate {
    const { item, index, accumulator } = this.#pointers.at(-1)!
    const slot = name === '' ? item : name === 'index' ? index : accumulator
    return ({ slots }) => slots[slot]!
  }

  #unary({ operator, of, at }: NodeOf<'unary'>): Evaluate {
    const inner = this.compile(of)
    if (operator === '-') return placed(at, (frame) => negate(inner(frame)))
    if (operator === '+') return inner
    return placed(at, (frame) => !truth(inner(frame)))
  }

  #binary(node: BinaryNode): Evaluate {
    const { operator, at } = node
    if (operator === 'matches') return placed(at, this.#matches(node))
    if (operator === 'in' && node.right.kind === 'binary' && node.right.operator === '..') {
      const [value, from, to] = [node.left, node.right.left, node.right.right].map(this.compile)
      return placed(at, (frame) => inRange(value!(frame), from!(frame), to!(frame)))
    }
    const [left, right] = [this.compile(node.left), this.compile(node.right)]
    switch (operator) {
      case '&&':
      case 'and':
        return placed(at, (frame) => truth(left(frame)) && truth(right(frame)))
      case '||':
      case 'or':
        return placed(at, (frame) => truth(left(frame)) || truth(right(frame)))
      case '??':
        return (frame) => left(frame) ?? right(frame)
      default: {
        const operation = operations.get(operator)!
        return placed(at, (frame) => operation(left(frame), right(frame), frame))
      }
    }
  }

  #matches({ left, right, at }: BinaryNode): Evaluate {
    const pattern = right.kind === 'string' ? right.value : this.compile(right)
    try {
      return compileMatch(this.compile(left), pattern, this.#compilePattern)
    } catch (cause) {
      throw misplaced(cause, at)
    }
  }

  /** A member, a call or the inside of a chain, any of which may give up. */
  #link(node: Node): Linked {
    if (node.kind === 'member') return this.#member(node)
    if (node.kind !== 'call') return this.compile(node)
    const callee = this.#link(node.callee)
    const args = node.args.map(this.compile)
    return placed(node.at, (frame) => {
      const target = callee(frame)
      if (target === GIVEN_UP) return GIVEN_UP
      if (typeof target === 'function') return target(...args.map((arg) => arg(frame)))
      const what = target === null ? 'nil' : `non-function of type ${typeName(target)}`
      throw new Error(`invalid operation: cannot call ${what}`)
    })
  }

  #member({ of, property, optional, at }: MemberNode): Linked {
    if (of.kind === 'name' && of.name === '$env' && property.kind === 'string') {
      const { value: name } = property
      return ({ environment }) => environment[name] ?? null
    }
    const base = this.#link(of)
    const key = this.compile(property)
    return placed(at, (frame) => {
      const from = base(frame)
      if (from === GIVEN_UP || (optional && from === null)) return GIVEN_UP
      return fetch(from, key(frame))
    })
  }

  #slice({ of, from, to, at }: NodeOf<'slice'>): Evaluate {
    const base = this.compile(of)
    const start = from === null ? constant(null) : this.compile(from)
    const end = to === null ? constant(null) : this.compile(to)
    return placed(at, (frame) => slice(base(frame), start(frame), end(frame), frame))
  }

  #builtin({ name, args, at }: NodeOf<'builtin'>): Evaluate {
    const builtin = builtins.get(name)
    if (builtin === undefined) return placed(at, this.#predicate(name, args))
    const values = args.map(this.compile)
    return placed(at, (frame) =>
      builtin.run(
        values.map((value) => value(frame)),
        frame.budget,
      ),
    )
  }

  #predicate(name: string, [list, predicate, further]: readonly Node[]): Evaluate {
    const items = this.compile(list!)
    const slots = { item: this.slots++, index: this.slots++, accumulator: this.slots++ }
    this.#pointers.push(slots)
    const body = predicate?.kind === 'predicate' ? this.compile(predicate.body) : null
    this.#pointers.pop()
    const more = further === undefined ? null : this.compile(further)
    return compilePredicate(name, items, body, more, slots)
  }

  #let({ name, value, body }: NodeOf<'let'>): Evaluate {
    const first = this.compile(value)
    const slot = this.slots++
    this.#variables.push({ name, slot })
    const then = this.compile(body)
    this.#variables.pop()
    return (frame) => {
      frame.slots[slot] = first(frame)
      return then(frame)
    }
  }

  #conditional({ condition, yes, no }: NodeOf<'conditional'>): Evaluate {
    const [test, a, b] = [condition, yes, no].map(this.compile)
    return placed(condition.at, (frame) => (truth(test!(frame)) ? a!(frame) : b!(frame)))
  }

  /** A list of constants is made once. */
  #array({ nodes, at }: NodeOf<'array'>): Evaluate {
    const items = nodes.map(this.compile)
    if (nodes.every(isConstant)) {
      const nothing = { environment: {} } as Frame
      return constant(items.map((item) => item(nothing)))
    }
    return placed(at, (frame) => {
      frame.budget.spend(items.length)
      return items.map((item) => item(frame))
    })
  }

  #map({ pairs, at }: NodeOf<'map'>): Evaluate {
    const parts = pairs.map(({ key, value }) => [this.compile(key), this.compile(value)] as const)
    return placed(at, (frame) => {
      frame.budget.spend(parts.length)
      return new Map(parts.map(([key, value]) => [key(frame), value(frame)]))
    })
  }
}

const constant =
  (value: Value): Evaluate =>
  () =>
    value

function isConstant({ kind }: Node): boolean {
  return ['nil', 'bool', 'int', 'float', 'string'].includes(kind)
}

function lastOf(parts: readonly Evaluate[]): Evaluate {
  return (frame) => {
    let value: Value = null
    for (const part of parts) value = part(frame)
    return value
  }
}

function settled(link: Linked): Evaluate {
  return (frame) => {
    const value = link(frame)
    return value === GIVEN_UP ? null : value
  }
}

/** A failure of this very part gets its place; one of a part inside has it already. */
function placed<T>(at: number, part: (frame: Frame) => T): (frame: Frame) => T {
  return (frame) => {
    try {
      return part(frame)
    } catch (cause) {
      throw misplaced(cause, at)
    }
  }
}

function misplaced(cause: unknown, at: number): Mistake {
  return cause instanceof Mistake ? cause : new Mistake((cause as Error).message, at)
}
