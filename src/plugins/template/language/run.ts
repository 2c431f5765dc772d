import { quote } from '../../../corefile/go-quote.ts'
import { Evaluator } from './evaluate.ts'
import { type Control, type Node, nodeText, type Pipe } from './nodes.ts'
import type { Tree } from './parse.ts'
import { show, sortedEntries } from './show.ts'
import { Dict, Int, isStruct, List, truth, type Value } from './values.ts'

/** Characters of the longest output: more than any record has. */
const MAX_OUTPUT = 1 << 16
/** Templates that call each other, at most. */
const MAX_DEPTH = 100

/** How a list of nodes ended. */
const Flow = { Next: 0, Break: 1, Continue: 2 } as const
type Flow = (typeof Flow)[keyof typeof Flow]

/**
 * Runs a template with `data` as its dot. Throws TemplateError in Go's words where it fails, or costs more
 * than a record may: `template: answer:1:3: executing "answer" at <.X>: …`.
 */
export function runTemplate(tree: Tree, data: Value): string {
  const run = new Run(tree, data)
  run.nodes(data, tree.root)
  return run.output
}

class Run extends Evaluator {
  output = ''
  #depth = 0

  nodes(dot: Value, nodes: readonly Node[]): Flow {
    for (const node of nodes) {
      const flow = this.#node(dot, node)
      if (flow !== Flow.Next) return flow
    }
    return Flow.Next
  }

  #node(dot: Value, node: Node): Flow {
    this.at = { offset: node.at, text: () => nodeText(node) }
    this.spend()
    switch (node.kind) {
      case 'text':
        this.#write(node.text)
        return Flow.Next
      case 'action': {
        const value = this.pipe(dot, node.pipe)
        this.at = { offset: node.at, text: () => nodeText(node) }
        if (node.pipe.variables.length === 0) this.#print(value)
        return Flow.Next
      }
      case 'break':
        return Flow.Break
      case 'continue':
        return Flow.Continue
      case 'template':
        this.#template(dot, node.name, node.pipe)
        return Flow.Next
      default:
        return this.#control(dot, node)
    }
  }

  #write(text: string): void {
    this.output += text
    if (this.output.length > MAX_OUTPUT) this.fail('exceeded the bound on output')
  }

  #print(value: Value): void {
    const text = value === undefined || value === null ? '<no value>' : show(value)
    // Go prints what a pointer leads to.
    this.#write(isStruct(value) ? text.replace(/^&/, '') : text)
  }

  #control(dot: Value, node: Control): Flow {
    const before = this.variables.length
    const flow = node.kind === 'range' ? this.#range(dot, node) : this.#choose(dot, node)
    this.variables.length = before
    return flow
  }

  #choose(dot: Value, { kind, pipe, body, otherwise }: Control): Flow {
    const value = this.pipe(dot, pipe)
    if (truth(value)) return this.nodes(kind === 'with' ? value : dot, body)
    return otherwise === null ? Flow.Next : this.nodes(dot, otherwise)
  }

  #range(dot: Value, { pipe, body, otherwise }: Control): Flow {
    const value = this.pipe(dot, pipe)
    const mark = this.variables.length
    let isEmpty = true
    for (const [key, element] of this.#elements(value, pipe)) {
      isEmpty = false
      this.spend()
      this.#loopVariables(pipe, key, element)
      const flow = this.nodes(element, body)
      this.variables.length = mark
      if (flow === Flow.Break) break
    }
    return isEmpty && otherwise !== null ? this.nodes(dot, otherwise) : Flow.Next
  }

  /** Of one variable it is the element, of two the key comes first. */
  #loopVariables({ assigns, variables }: Pipe, key: Value, element: Value): void {
    const values = variables.length > 1 ? [key, element] : [element]
    variables.forEach((name, i) => {
      if (assigns) this.assign(name, values[i])
      else {
        // The pipeline has declared them already.
        this.variables[this.variables.length - variables.length + i]!.value = values[i]
      }
    })
  }

  *#elements(value: Value, pipe: Pipe): Generator<readonly [key: Value, element: Value]> {
    if (value === undefined || value === null) return
    if (value instanceof List) {
      for (const [i, item] of value.items.entries()) yield [new Int(i), item]
    } else if (value instanceof Dict) yield* sortedEntries(value)
    else if (value instanceof Int) {
      if (pipe.variables.length > 1) {
        this.fail(`can't use ${show(value)} to iterate over more than one variable`)
      }
      for (let i = 0n; i < value.value; i++) yield [undefined, new Int(i, value.type)]
    } else this.fail(`range can't iterate over ${show(value)}`)
  }

  #template(dot: Value, name: string, pipe: Pipe | null): void {
    const body = this.tree.defined.get(name) ?? (name === this.tree.name ? this.tree.root : null)
    if (body === null) this.fail(`template ${quote(name)} not defined`)
    if (this.#depth >= MAX_DEPTH) this.fail(`exceeded maximum template depth (${MAX_DEPTH})`)
    const data = pipe === null ? undefined : this.pipe(dot, pipe)
    const [outerName, outerVariables] = [this.name, this.variables]
    this.name = name
    this.variables = [{ name: '$', value: data }]
    this.#depth++
    this.nodes(data, body)
    this.#depth--
    this.name = outerName
    this.variables = outerVariables
  }
}
