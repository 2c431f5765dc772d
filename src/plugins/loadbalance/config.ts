import {
  type Directive,
  duration,
  errorAt,
  inPlugin,
  type Option,
  readAll,
  type Token,
  read,
  unknownProperty,
  valueError,
} from '../../corefile/directive.ts'
import { quote } from '../../corefile/go-quote.ts'
import { parsePrefix } from '../../corefile/ip.ts'
import type { Network } from '../../lib/address-set.ts'

const DEFAULT_RELOAD_MS = 30_000

export type LoadbalanceConfig =
  | {
      readonly policy: 'round_robin'
      /** The most preferred first. */
      readonly prefer: readonly Network[]
    }
  | {
      readonly policy: 'weighted'
      /** The directive, for errors about its file. */
      readonly at: Token
      readonly file: string
      /** Milliseconds between two looks at the file; 0: none. */
      readonly reloadMs: number
    }

/** Reads all occurrences of the directive: the last one's policy counts, preferences add up. */
export function readConfig(directives: readonly Directive[]): LoadbalanceConfig {
  let config: LoadbalanceConfig = { policy: 'round_robin', prefer: [] }
  for (const one of readAll(directives, readOne)) {
    const before: readonly Network[] = config.policy === 'round_robin' ? config.prefer : []
    config = one.policy === 'weighted' ? one : { ...one, prefer: [...before, ...one.prefer] }
  }
  return Object.freeze(config)
}

function readOne(directive: Directive): LoadbalanceConfig {
  const { name, args } = directive
  const [policy, file, surplus] = args
  return inPlugin(name, () => {
    if (policy !== undefined && policy.text === 'weighted') {
      if (file === undefined) throw errorAt(policy, 'missing weight file argument')
      if (surplus !== undefined) throw errorAt(surplus, 'unexpected argument(s)')
      const { reload = DEFAULT_RELOAD_MS } = read(
        directive,
        { reload: reloadTime },
        { unknown: unknownProperty },
      )
      return { policy: 'weighted', at: name, file: file.text, reloadMs: reload }
    }
    if (policy !== undefined && policy.text !== 'round_robin') {
      throw valueError(policy, `unknown policy: ${policy.text}`)
    }
    if (file !== undefined) throw errorAt(file, `unknown property for ${policy!.text}`)
    const table = { prefer: networks }
    const { prefer = [] } = read(directive, table, { unknown: unknownProperty })
    return { policy: 'round_robin', prefer }
  })
}

function reloadTime({ name, args }: Option): number {
  const [time, surplus] = args
  if (time === undefined) throw errorAt(name, 'reload duration value is missing')
  if (surplus !== undefined) throw errorAt(surplus, 'unexpected argument')
  const problem = errorAt(time, `invalid reload duration '${time.text}'`)
  try {
    const ms = duration(time)
    if (ms >= 0) return ms
  } catch {
    throw problem
  }
  throw problem
}

function networks({ args }: Option, before: readonly Network[] = []): readonly Network[] {
  return [...before, ...args.map(network)]
}

function network(token: Token): Network {
  const found = parsePrefix(token.text)
  if (found !== null) return found
  throw errorAt(token, `invalid CIDR ${quote(token.text)}: invalid CIDR address: ${token.text}`)
}
