import type { Node } from './ast.ts'
import { Mistake } from './error.ts'
import { anyArray, arrayOf, bool, int, isUnknown, map, type Type, unknown } from './types.ts'

interface Visitor {
  visit(node: Node): Type
  /** The type of a predicate's body, in which these pointers have a meaning. */
  within(pointers: ReadonlyMap<string, Type>, body: Node): Type
}

/** The type of a builtin that takes a predicate. Throws Mistake. */
export function predicateType(
  name: string,
  [collection, predicate, further]: readonly Node[],
  visitor: Visitor,
): { readonly type: Type } {
  const list = visitor.visit(collection!)
  if (list.kind !== 'array' && !isUnknown(list)) {
    throw new Mistake(`builtin ${name} takes only array (got ${list.name})`, collection!.at)
  }
  const element = list.element ?? unknown
  const found =
    predicate?.kind === 'predicate'
      ? visitor.within(pointersOf(name, element), predicate.body)
      : null
  if (found?.kind === 'nil') {
    throw new Mistake('predicate should has one input and one output param', predicate!.at)
  }
  if (found !== null && tests.has(name) && found.kind !== 'bool' && !isUnknown(found)) {
    throw new Mistake(`predicate should return boolean (got ${found.name})`, predicate!.at)
  }
  if (further !== undefined) {
    const type = visitor.visit(further)
    if (name === 'sortBy' && type.kind !== 'string' && !isUnknown(type)) {
      throw new Mistake(`sortBy order argument must be a string (got ${type.name})`, further.at)
    }
  }
  return { type: resultOf(name, list, found) }
}

/** Those whose predicate is true or false. */
const tests: ReadonlySet<string> = new Set(
  'all none any one filter count find findIndex findLast findLastIndex'.split(' '),
)

function pointersOf(name: string, element: Type): ReadonlyMap<string, Type> {
  const pointers = new Map([['', element]])
  if (name === 'map' || name === 'reduce') pointers.set('index', int)
  if (name === 'reduce') pointers.set('acc', unknown)
  return pointers
}

function resultOf(name: string, list: Type, found: Type | null): Type {
  const element = list.element ?? unknown
  switch (name) {
    case 'filter':
      return isUnknown(list) ? anyArray : arrayOf(element)
    case 'map':
      return arrayOf(found ?? unknown)
    case 'sortBy':
      return list
    case 'groupBy':
      return { ...map, name: 'map[interface {}][]interface {}', element: arrayOf(element) }
    case 'reduce':
      return found ?? unknown
    case 'sum':
      return found ?? element
    case 'find':
    case 'findLast':
      return element
    default:
      return name === 'count' || name.startsWith('findIndex') || name === 'findLastIndex'
        ? int
        : bool
  }
}
