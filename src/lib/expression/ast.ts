/** Where a node stands: the index of a character of the expression. */
interface Placed {
  readonly at: number
}

/** What a parsed expression consists of. */
export type Node =
  | (Placed & { readonly kind: 'nil' })
  | (Placed & { readonly kind: 'bool'; readonly value: boolean })
  | (Placed & { readonly kind: 'int'; readonly value: number })
  | (Placed & { readonly kind: 'float'; readonly value: number })
  | (Placed & { readonly kind: 'string'; readonly value: string })
  | (Placed & { readonly kind: 'name'; readonly name: string })
  | (Placed & { readonly kind: 'pointer'; readonly name: string })
  | (Placed & { readonly kind: 'unary'; readonly operator: string; readonly of: Node })
  | BinaryNode
  | (Placed & { readonly kind: 'chain'; readonly of: Node })
  | MemberNode
  | SliceNode
  | CallNode
  | BuiltinNode
  | (Placed & { readonly kind: 'predicate'; readonly body: Node })
  | (Placed & {
      readonly kind: 'let'
      readonly name: string
      readonly value: Node
      readonly body: Node
    })
  | (Placed & { readonly kind: 'sequence'; readonly nodes: readonly Node[] })
  | (Placed & {
      readonly kind: 'conditional'
      readonly condition: Node
      readonly yes: Node
      readonly no: Node
    })
  | (Placed & { readonly kind: 'array'; readonly nodes: readonly Node[] })
  | MapNode

export interface BinaryNode extends Placed {
  readonly kind: 'binary'
  readonly operator: string
  readonly left: Node
  readonly right: Node
}

/** `of.property`, `of[property]`; optional: nil where `of` is nil. */
export interface MemberNode extends Placed {
  readonly kind: 'member'
  readonly of: Node
  readonly property: Node
  readonly optional: boolean
}

export interface SliceNode extends Placed {
  readonly kind: 'slice'
  readonly of: Node
  readonly from: Node | null
  readonly to: Node | null
}

export interface CallNode extends Placed {
  readonly kind: 'call'
  readonly callee: Node
  readonly args: readonly Node[]
}

export interface BuiltinNode extends Placed {
  readonly kind: 'builtin'
  readonly name: string
  readonly args: readonly Node[]
}

export interface MapNode extends Placed {
  readonly kind: 'map'
  readonly pairs: readonly { readonly key: Node; readonly value: Node }[]
}

/** One kind of node. */
export type NodeOf<K extends Node['kind']> = Extract<Node, { kind: K }>
