import { isIP } from 'node:net'
import {
  type Directive,
  inPlugin,
  type Option,
  readAll,
  type Token,
  valueError,
  wholeLine,
} from '../../corefile/directive.ts'
import type { Interfaces } from './interfaces.ts'

/** The `bind` directives of a block, merged. */
export interface BindConfig {
  /** Where to listen, none twice, in the order of the Corefile. */
  readonly addresses: readonly string[]
  /** Interfaces that were named and contribute nothing: down, or without an address. */
  readonly silent: readonly string[]
}

/** Reads all `bind` directives of a block; interface names mean the addresses they have now. */
export function readConfig(directives: readonly Directive[], interfaces: Interfaces): BindConfig {
  const addresses = new Set<string>()
  const silent = new Set<string>()
  readAll(directives, ({ name, args, options }) => {
    inPlugin(name, () => {
      if (args.length === 0) {
        throw valueError(name, 'at least one address or interface name is expected')
      }
      const excepted = new Set(
        (options ?? []).flatMap(readExcept).flatMap((token) => expand(token, interfaces)),
      )
      for (const token of args) {
        const found = expand(token, interfaces)
        if (found.length === 0) silent.add(token.text)
        for (const address of found) if (!excepted.has(address)) addresses.add(address)
      }
    })
  })
  return Object.freeze({ addresses: [...addresses], silent: [...silent] })
}

function readExcept(option: Option): readonly Token[] {
  const { name, args } = option
  wholeLine(option)
  if (name.text !== 'except') throw valueError(name, `invalid option "${name.text}"`)
  if (args.length === 0) {
    const reason = 'at least one address or interface must be given to except subdirective'
    throw valueError(name, reason)
  }
  return args
}

/** An interface's name wins over the address it may look like. */
function expand(token: Token, interfaces: Interfaces): readonly string[] {
  const { text } = token
  const found = interfaces.addresses(text)
  if (found !== null) return found
  if (isIP(text) === 0)
    throw valueError(token, `not a valid IP address or interface name: "${text}"`)
  return [text]
}
