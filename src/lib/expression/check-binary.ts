import type { BinaryNode } from './ast.ts'
import { Mistake } from './error.ts'
import {
  assignable,
  bool,
  comparable,
  compatible,
  float,
  int,
  ints,
  isNumber,
  isUnknown,
  nil,
  string,
  type Type,
  unknown,
} from './types.ts'

type Kinds = readonly Type['kind'][]
const numbers: Kinds = ['int', 'float']
const scalars: Kinds = ['int', 'float', 'string']

/** The type of a binary operation between these types. Throws Mistake where it can never work. */
export function checkBinary(node: BinaryNode, left: Type, right: Type): Type {
  const type = typeOf(node, left, right)
  if (type !== null) return type
  const { operator, at } = node
  throw new Mistake(
    `invalid operation: ${operator} (mismatched types ${left.name} and ${right.name})`,
    at,
  )
}

function typeOf(node: BinaryNode, left: Type, right: Type): Type | null {
  switch (node.operator) {
    case '==':
    case '!=':
      return comparable(left, right) ? bool : null
    case 'or':
    case '||':
    case 'and':
    case '&&':
      return both(left, right, ['bool'], bool)
    case '<':
    case '>':
    case '>=':
    case '<=':
      return ordered(left, right) ? bool : null
    case 'in':
      return membership(node, left, right)
    case 'matches':
    case 'contains':
    case 'startsWith':
    case 'endsWith':
      return both(left, right, ['string'], bool)
    case '..':
      return both(left, right, ['int'], ints)
    case '??':
      return coalesced(left, right)
    default:
      return arithmetic(node.operator, left, right)
  }
}

function both(left: Type, right: Type, kinds: Kinds, result: Type): Type | null {
  const known = kinds.includes(left.kind) && kinds.includes(right.kind)
  return known || compatible(left, right, kinds) ? result : null
}

function ordered(left: Type, right: Type): boolean {
  if (isNumber(left) && isNumber(right)) return true
  return (left.kind === 'string' && right.kind === 'string') || compatible(left, right, scalars)
}

function arithmetic(operator: string, left: Type, right: Type): Type | null {
  if (operator === '%') return both(left, right, ['int'], int)
  if (operator === '/' || operator === '**' || operator === '^') {
    return both(left, right, numbers, float)
  }
  if (isNumber(left) && isNumber(right)) return left.kind === 'int' ? right : left
  if (operator === '+' && left.kind === 'string' && right.kind === 'string') return string
  return compatible(left, right, operator === '+' ? scalars : numbers) ? unknown : null
}

function membership({ at }: BinaryNode, left: Type, right: Type): Type | null {
  if (right.kind === 'map') {
    const anyKey = right.name.startsWith('map[interface {}]')
    if (isUnknown(left) || left.kind === 'string' || anyKey) return bool
    throw new Mistake(`cannot use ${left.name} as type string in map key`, at)
  }
  if (right.kind === 'array') {
    const element = right.element!
    if (comparable(left, element)) return bool
    throw new Mistake(`cannot use ${left.name} as type ${element.name} in array`, at)
  }
  return isUnknown(right) || (isUnknown(left) && right.kind === 'string') ? bool : null
}

function coalesced(left: Type, right: Type): Type {
  if (left.kind === 'nil') return right.kind === 'nil' ? nil : right
  return right.kind === 'nil' || assignable(right, left) ? left : unknown
}
