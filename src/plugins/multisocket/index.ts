import { availableParallelism } from 'node:os'
import {
  argumentError,
  CorefileError,
  countArgs,
  type Directive,
  inPlugin,
  integer,
  type Token,
  valueError,
} from '../../corefile/directive.ts'
import type { Plugin, Stage } from '../../serve/plugin.ts'

const MAX_SOCKETS = 1024

/** `multisocket`: several sockets for each address. Accepted: one thread has no use for a second. */
export const multisocket: Plugin = {
  name: 'multisocket',
  changesAnswers: false,
  setup(directives, { services }): Stage {
    const count = readCount(directives)
    const told = services.keep('multisocket', () => ({ once: false }))
    if (count > 1 && !told.once) {
      told.once = true
      const { file, line } = directives[0]!.name
      services.log
        .plugin('multisocket')
        .warning(
          `${file}:${line} - ${count} sockets are asked for: one process has one for each address`,
        )
    }
    return {}
  },
}

function readCount(directives: readonly Directive[]): number {
  const [directive, second] = directives
  const { name, options } = directive!
  return inPlugin(name, () => {
    const [token] = countArgs(directive!, 0, 1)
    if (options !== null) throw argumentError({ ...name, text: '{' })
    if (second !== undefined) throw argumentError(second.name)
    return token === undefined ? availableParallelism() : socketsOf(token)
  })
}

function socketsOf(token: Token): number {
  const count = integerOf(token)
  if (count < 1) throw valueError(token, `num sockets can not be zero or negative: ${count}`)
  if (count > MAX_SOCKETS) {
    throw valueError(token, `num sockets exceeds maximum (${MAX_SOCKETS}): ${count}`)
  }
  return count
}

function integerOf(token: Token): number {
  try {
    return integer(token)
  } catch (error) {
    if (!(error instanceof CorefileError)) throw error
    throw valueError(token, `invalid num sockets: ${error.reason}`)
  }
}
