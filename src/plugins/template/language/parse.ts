import { quote } from '../../../corefile/go-quote.ts'
import { unquote } from './constants.ts'
import type { Node } from './nodes.ts'
import { PipelineParser } from './pipelines.ts'
import type { Token } from './token.ts'

/** A parsed template, with those that it defines. */
export interface Tree {
  readonly name: string
  readonly source: string
  readonly root: readonly Node[]
  readonly defined: ReadonlyMap<string, readonly Node[]>
}

/** Where a list of nodes ends. */
type End = { readonly kind: 'end' } | { readonly kind: 'else' }

/**
 * Parses a template of Go's text/template. Throws TemplateError with Go's text: `template: answer:1:
 * function "x" not defined`.
 *
 * @param name as errors show it
 * @param functions names that may be called
 */
export function parseTemplate(name: string, source: string, functions: ReadonlySet<string>): Tree {
  return new Parser(name, source, functions).tree()
}

class Parser extends PipelineParser {
  readonly #defined = new Map<string, readonly Node[]>()
  #ranges = 0

  tree(): Tree {
    const root: Node[] = []
    while (this.peek().type !== 'end') {
      if (this.peek().type === 'open' && this.isKeyword('define', 1)) {
        this.#definition()
        continue
      }
      const node = this.#textOrAction()
      if (node.kind === 'end' || node.kind === 'else') this.fail(`unexpected {{${node.kind}}}`)
      root.push(node)
    }
    const own = this.#defined.get(this.name)
    if (own !== undefined && !isEmpty(own) && !isEmpty(root)) this.#twice(this.name)
    const body = own !== undefined && isEmpty(root) ? own : root
    return { name: this.name, source: this.source, root: body, defined: this.#defined }
  }

  #twice(name: string): never {
    this.fail(`template: multiple definition of template ${quote(name)}`)
  }

  #textOrAction(): Node | End {
    const token = this.takeNonSpace()
    if (token.type === 'text') return { kind: 'text', at: token.at, text: token.text }
    if (token.type !== 'open') this.unexpected(token, 'input')
    this.actionLine = token.line
    const node = this.deeper(() => this.#action())
    this.actionLine = 0
    return node
  }

  #action(): Node | End {
    const token = this.skipSpace()
    if (token.type !== 'keyword' || token.text === 'nil' || token.text === 'define') {
      return { kind: 'action', at: token.at, pipe: this.pipeline('command', 'close') }
    }
    this.next++
    switch (token.text) {
      case 'block':
        return this.#block()
      case 'template':
        return this.#template()
      case 'break':
      case 'continue':
        return this.#jump(token, token.text)
      case 'else':
        if (!this.isKeyword('if') && !this.isKeyword('with')) this.expect('close', 'else')
        return { kind: 'else' }
      case 'end':
        this.expect('close', 'end')
        return { kind: 'end' }
      default:
        return this.#control(token.text as 'if' | 'with' | 'range')
    }
  }

  #jump(token: Token, kind: 'break' | 'continue'): Node {
    const close = this.takeNonSpace()
    if (close.type !== 'close') this.unexpected(close, `{{${kind}}}`)
    if (this.#ranges === 0) this.fail(`{{${kind}}} outside {{range}}`)
    return { kind, at: token.at }
  }

  #control(kind: 'if' | 'with' | 'range'): Node {
    const before = this.variables.length
    const pipe = this.pipeline(kind, 'close')
    if (kind === 'range') this.#ranges++
    const { nodes: body, end } = this.#list()
    if (kind === 'range') this.#ranges--
    let otherwise: readonly Node[] | null = null
    if (end.kind === 'else') otherwise = this.#otherwise(kind)
    this.variables.length = before
    return { kind, at: pipe.at, pipe, body, otherwise }
  }

  /** What follows `{{else`: for `else if` and `else with` the end of that one is the end of all. */
  #otherwise(kind: 'if' | 'with' | 'range'): readonly Node[] {
    if (kind !== 'range' && this.isKeyword(kind)) {
      this.takeNonSpace()
      return [this.deeper(() => this.#control(kind))]
    }
    const { nodes, end } = this.#list()
    if (end.kind !== 'end') this.fail('expected end; found {{else}}')
    return nodes
  }

  #list(): { readonly nodes: readonly Node[]; readonly end: End } {
    const nodes: Node[] = []
    while (this.skipSpace().type !== 'end') {
      const node = this.#textOrAction()
      if (node.kind === 'end' || node.kind === 'else') return { nodes, end: node }
      nodes.push(node)
    }
    this.fail('unexpected EOF')
  }

  /** A list with variables and loops of its own. */
  #body(context: string): readonly Node[] {
    const [variables, ranges] = [this.variables, this.#ranges]
    this.variables = ['$']
    this.#ranges = 0
    const { nodes, end } = this.#list()
    if (end.kind !== 'end') this.fail(`unexpected {{else}} in ${context}`)
    this.variables = variables
    this.#ranges = ranges
    return nodes
  }

  #define(name: string, nodes: readonly Node[]): void {
    const before = this.#defined.get(name)
    if (before !== undefined && !isEmpty(before)) {
      if (!isEmpty(nodes)) this.#twice(name)
      return
    }
    this.#defined.set(name, nodes)
  }

  #definition(): void {
    this.take()
    this.takeNonSpace()
    const context = 'define clause'
    const name = this.#templateName(context)
    this.expect('close', context)
    this.#define(name, this.#body(context))
  }

  #block(): Node {
    const context = 'block clause'
    const { at } = this.skipSpace()
    const name = this.#templateName(context)
    const pipe = this.pipeline(context, 'close')
    this.#define(name, this.#body(context))
    return { kind: 'template', at, name, pipe }
  }

  #template(): Node {
    const context = 'template clause'
    const { at } = this.skipSpace()
    const name = this.#templateName(context)
    if (this.skipSpace().type !== 'close') {
      return { kind: 'template', at, name, pipe: this.pipeline(context, 'close') }
    }
    this.next++
    return { kind: 'template', at, name, pipe: null }
  }

  #templateName(context: string): string {
    const token = this.takeNonSpace()
    if (token.type !== 'string' && token.type !== 'raw') this.unexpected(token, context)
    return unquote(token.text) ?? this.fail('invalid syntax')
  }
}

/** Nothing but white space: such a template gives way to another of its name. */
function isEmpty(nodes: readonly Node[]): boolean {
  return nodes.every((node) => node.kind === 'text' && node.text.trim() === '')
}
