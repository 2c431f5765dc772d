import type { CallNode, MapNode, MemberNode, Node, NodeOf, SliceNode } from './ast.ts'
import type { Builtin, Signature } from './builtin.ts'
import { builtins, isBuiltin, leftOut } from './builtins.ts'
import { checkBinary } from './check-binary.ts'
import { predicateType } from './check-predicate.ts'
import { Mistake } from './error.ts'
import {
  anyArray,
  arrayOf,
  assignable,
  bool,
  float,
  int,
  isNumber,
  isUnknown,
  map,
  nil,
  string,
  type Type,
  unknown,
} from './types.ts'

/** Names that an expression may use, and the types of what they stand for. */
export type Names = ReadonlyMap<string, Type>

/** What `#`, `#index` and `#acc` stand for in a predicate. */
type Pointers = ReadonlyMap<string, Type>

/** The type of an expression's value. Throws Mistake for what can never work. */
export function check(node: Node, names: Names): Type {
  return new Checker(names).visit(node)
}

class Checker {
  readonly #names: Names
  readonly #variables: { readonly name: string; readonly type: Type }[] = []
  readonly #pointers: Pointers[] = []

  constructor(names: Names) {
    this.#names = names
  }

  readonly visit = (node: Node): Type => {
    switch (node.kind) {
      case 'nil':
        return nil
      case 'bool':
        return bool
      case 'int':
        return int
      case 'float':
        return float
      case 'string':
        return string
      case 'name':
        return this.#name(node)
      case 'pointer':
        return this.#pointer(node)
      case 'unary':
        return this.#unary(node)
      case 'binary':
        return checkBinary(node, this.visit(node.left), this.visit(node.right))
      default:
        return this.#visitLarger(node)
    }
  }

  #visitLarger(node: Node): Type {
    switch (node.kind) {
      case 'chain':
        return this.visit(node.of)
      case 'member':
        return this.#member(node)
      case 'slice':
        return this.#slice(node)
      case 'call':
        return this.#call(node)
      case 'builtin':
        return this.#builtin(node)
      case 'let':
        return this.#let(node)
      case 'sequence':
        return node.nodes.map(this.visit).at(-1)!
      case 'conditional':
        return this.#conditional(node)
      case 'array':
        return this.#array(node)
      case 'map':
        return this.#map(node)
      default:
        throw new Mistake(`unknown node ${node.kind}`, node.at)
    }
  }

  #name({ name, at }: NodeOf<'name'>): Type {
    const variable = this.#variables.findLast((one) => one.name === name)
    if (variable !== undefined) return variable.type
    if (name === '$env') return unknown
    const type = this.#names.get(name)
    if (type === undefined) throw new Mistake(leftOut(name) ?? `unknown name ${name}`, at)
    return type
  }

  #pointer({ name, at }: NodeOf<'pointer'>): Type {
    const type = this.#pointers.at(-1)?.get(name)
    if (type === undefined) throw new Mistake(`unknown pointer #${name}`, at)
    return type
  }

  #unary({ operator, of, at }: NodeOf<'unary'>): Type {
    const type = this.visit(of)
    const logical = operator === '!' || operator === 'not'
    if (isUnknown(type)) return logical ? bool : unknown
    if (logical ? type.kind === 'bool' : isNumber(type)) return type
    throw new Mistake(`invalid operation: ${operator} (mismatched type ${type.name})`, at)
  }

  #member({ of, property, optional, at }: MemberNode): Type {
    if (of.kind === 'name' && of.name === '$env') {
      if (property.kind !== 'string') return unknown
      const type = this.#names.get(property.value)
      if (type === undefined && !optional) throw new Mistake(`unknown name ${property.value}`, at)
      return type ?? unknown
    }
    const base = this.visit(of)
    const key = this.visit(property)
    if (isUnknown(base)) return unknown
    const name = property.kind === 'string' ? property.value : null
    if (base.kind === 'nil' && name !== null) throw new Mistake(`type nil has no field ${name}`, at)
    if (base.kind === 'map') {
      if (key.kind === 'string' || isUnknown(key)) return base.element!
      throw new Mistake(`cannot use ${key.name} to get an element from ${base.name}`, property.at)
    }
    if (base.kind === 'array') {
      if (key.kind === 'int' || isUnknown(key)) return base.element!
      throw new Mistake(
        `array elements can only be selected using an integer (got ${key.name})`,
        property.at,
      )
    }
    if (name !== null) throw new Mistake(`type ${base.name} has no field ${name}`, at)
    throw new Mistake(`type ${base.name}[${key.name}] is undefined`, at)
  }

  #slice({ of, from, to, at }: SliceNode): Type {
    const base = this.visit(of)
    if (!['unknown', 'string', 'array'].includes(base.kind)) {
      throw new Mistake(`cannot slice ${base.name}`, at)
    }
    for (const bound of [from, to]) {
      const type = bound === null ? int : this.visit(bound)
      if (type.kind === 'int' || isUnknown(type)) continue
      throw new Mistake(`non-integer slice index ${type.name}`, bound!.at)
    }
    return base
  }

  #call({ callee, args, at }: CallNode): Type {
    const type = this.visit(callee)
    const types = args.map(this.visit)
    if (isUnknown(type)) return unknown
    if (type.kind !== 'func') throw new Mistake(`${type.name} is not callable`, at)
    const property = callee.kind === 'member' ? callee.property : callee
    const name =
      property.kind === 'name'
        ? property.name
        : property.kind === 'string'
          ? property.value
          : 'function'
    const { parameters = [], result = unknown } = type
    return fit(name, { parameters, result }, types, args, at)
  }

  #builtin({ name, args, at }: NodeOf<'builtin'>): Type {
    const builtin = builtins.get(name)
    if (builtin === undefined) {
      const { type } = predicateType(name, args, {
        visit: this.visit,
        within: (pointers, body) => this.#within(pointers, body),
      })
      return type
    }
    return checkBuiltin(name, builtin, args.map(this.visit), args, at)
  }

  #within(pointers: Pointers, body: Node): Type {
    this.#pointers.push(pointers)
    const type = this.visit(body)
    this.#pointers.pop()
    return type
  }

  #let({ name, value, body, at }: NodeOf<'let'>): Type {
    if (this.#names.has(name)) throw new Mistake(`cannot redeclare ${name}`, at)
    if (isBuiltin(name)) throw new Mistake(`cannot redeclare builtin ${name}`, at)
    if (this.#variables.some((one) => one.name === name)) {
      throw new Mistake(`cannot redeclare variable ${name}`, at)
    }
    this.#variables.push({ name, type: this.visit(value) })
    const type = this.visit(body)
    this.#variables.pop()
    return type
  }

  #conditional({ condition, yes, no }: NodeOf<'conditional'>): Type {
    const tested = this.visit(condition)
    if (tested.kind !== 'bool' && !isUnknown(tested)) {
      throw new Mistake(`non-bool expression (type ${tested.name}) used as condition`, condition.at)
    }
    const [a, b] = [this.visit(yes), this.visit(no)]
    if (a.kind === 'nil') return b
    if (b.kind === 'nil') return a
    if (!assignable(a, b)) return unknown
    return a.kind === 'array' && a.element !== b.element ? anyArray : a
  }

  #array({ nodes }: NodeOf<'array'>): Type {
    const types = nodes.map(this.visit)
    const last = types.at(-1) ?? unknown
    return types.every(({ kind }) => kind === last.kind) ? arrayOf(last) : anyArray
  }

  #map({ pairs }: MapNode): Type {
    for (const { key, value } of pairs) {
      this.visit(key)
      this.visit(value)
    }
    return map
  }
}

function checkBuiltin(
  name: string,
  { validate, signatures = [] }: Builtin,
  types: readonly Type[],
  args: readonly Node[],
  at: number,
): Type {
  if (validate !== undefined) {
    const type = validate(types)
    if (typeof type === 'string') throw new Mistake(type, at)
    return type
  }
  let problem: unknown = null
  for (const signature of signatures) {
    try {
      return fit(name, signature, types, args, at)
    } catch (mistake) {
      problem = mistake
    }
  }
  throw problem as Mistake
}

/** The result of a call, where the arguments fit. */
function fit(
  name: string,
  { parameters, result }: Signature,
  types: readonly Type[],
  args: readonly Node[],
  at: number,
): Type {
  const surplus = types.length - parameters.length
  if (surplus !== 0) {
    throw new Mistake(`${surplus > 0 ? 'too many' : 'not enough'} arguments to call ${name}`, at)
  }
  for (const [index, parameter] of parameters.entries()) {
    const type = types[index]!
    if (isUnknown(type) || isUnknown(parameter) || assignable(type, parameter)) continue
    const given = type.kind === 'nil' ? 'nil' : type.name
    throw new Mistake(
      `cannot use ${given} as argument (type ${parameter.name}) to call ${name}`,
      args[index]!.at,
    )
  }
  return result
}
