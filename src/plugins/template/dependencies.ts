import type { Node, Operand, Pipe } from './language/nodes.ts'
import type { Tree } from './language/parse.ts'

/** What the text of a record is made of, where that is only a few things of the query. */
export interface Dependencies {
  /** It begins with `{{ .Name }}`: the owner is the name that was asked for. */
  readonly ownerIsName: boolean
  /** Fields of the query's data that the rest names. */
  readonly fields: ReadonlySet<string>
}

/** What needs more than a look: variables, loops, other templates, the whole of the data. */
class Unclear extends Error {}

/** Which fields of its data a template names; null where only running it can tell. */
export function dependenciesOf({ root, defined }: Tree): Dependencies | null {
  const fields = new Set<string>()
  const ownerIsName = beginsWithName(root)
  try {
    if (defined.size > 0) throw new Unclear()
    ofNodes(ownerIsName ? root.slice(1) : root, fields)
  } catch (error) {
    if (error instanceof Unclear) return null
    throw error
  }
  return { ownerIsName, fields }
}

/** The text behind the name has to end it. */
function beginsWithName([first, second]: readonly Node[]): boolean {
  if (first?.kind !== 'action' || second?.kind !== 'text' || !/^\s/.test(second.text)) return false
  const { commands, variables } = first.pipe
  const [command] = commands
  if (variables.length > 0 || commands.length !== 1 || command?.args.length !== 1) return false
  const [operand] = command.args
  return operand.kind === 'field' && operand.names.join('.') === 'Name'
}

function ofNodes(nodes: readonly Node[], fields: Set<string>): void {
  for (const node of nodes) {
    switch (node.kind) {
      case 'text':
        break
      case 'action':
        ofPipe(node.pipe, fields)
        break
      case 'if':
        ofPipe(node.pipe, fields)
        ofNodes(node.body, fields)
        ofNodes(node.otherwise ?? [], fields)
        break
      default:
        throw new Unclear()
    }
  }
}

function ofPipe({ commands, variables }: Pipe, fields: Set<string>): void {
  if (variables.length > 0) throw new Unclear()
  for (const { args } of commands) for (const operand of args) ofOperand(operand, fields)
}

function ofOperand(operand: Operand, fields: Set<string>): void {
  switch (operand.kind) {
    case 'dot':
      throw new Unclear()
    case 'field':
      fields.add(operand.names[0]!)
      break
    case 'variable':
      if (operand.name !== '$' || operand.names.length === 0) throw new Unclear()
      fields.add(operand.names[0]!)
      break
    case 'chain':
      ofOperand(operand.of, fields)
      break
    case 'pipe':
      ofPipe(operand, fields)
      break
    default:
  }
}
