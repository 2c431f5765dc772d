import {
  argumentError,
  type Directive,
  errorAt,
  flag,
  inPlugin,
  one,
  read,
  reaching,
  type Token,
  unknownProperty,
  valueError,
  type Warn,
} from '../../corefile/directive.ts'
import { quote } from '../../corefile/go-quote.ts'
import { parsePrefix, type Prefix } from '../../corefile/ip.ts'
import { canonicalAddress } from '../../lib/address.ts'

const IPV6_BITS = 128
const SHORTEST = 32
const LONGEST = 96

export interface Dns64Config {
  readonly prefix: Prefix
  /** Whether names that have IPv6 addresses get translated ones as well. */
  readonly translateAll: boolean
  /** Whether clients that ask over IPv4 get translated addresses. */
  readonly allowIPv4: boolean
}

/** RFC 6052 §2.1. */
const wellKnown: Prefix = parsePrefix('64:ff9b::/96')!

/** Reads all occurrences of the directive: for each option the last one counts. */
export function readConfig(directives: readonly Directive[], warn: Warn): Dns64Config {
  let config: Dns64Config = { prefix: wellKnown, translateAll: false, allowIPv4: false }
  for (const directive of directives) config = { ...config, ...readOne(directive, warn) }
  return Object.freeze(config)
}

function readOne(directive: Directive, warn: Warn): Partial<Dns64Config> {
  const { args, name } = directive
  return inPlugin(name, () => {
    const [token] = args
    if (args.length > 1) throw argumentError(args.at(-1)!)
    const argument = token === undefined ? {} : { prefix: prefix(token) }
    const table = {
      prefix: reaching(1, one(prefix)),
      translate_all: reaching(0, flag),
      allow_ipv4: reaching(0, flag),
    }
    const { allow_ipv4, translate_all, ...options } = read(directive, table, {
      unknown: unknownProperty,
      warn,
    })
    return {
      ...argument,
      ...options,
      ...(translate_all === true ? { translateAll: true } : {}),
      ...(allow_ipv4 === true ? { allowIPv4: true } : {}),
    }
  })
}

function prefix(token: Token): Prefix {
  const found = parsePrefix(token.text)
  if (found === null) throw valueError(token, `invalid CIDR address: ${token.text}`)
  const { bytes, length } = found
  if (8 * bytes.length !== IPV6_BITS) {
    const text = quote(prefixText(found))
    throw errorAt(token, `invalid netmask ${8 * bytes.length} IPv6 address: ${text}`)
  }
  if (length % 8 !== 0 || length < SHORTEST || length > LONGEST) {
    throw errorAt(token, `invalid prefix length ${quote(prefixText(found))}`)
  }
  return found
}

/** `64:ff9b::/96`. */
export function prefixText({ bytes, length }: Prefix): string {
  if (8 * bytes.length !== IPV6_BITS) return `${bytes.join('.')}/${length}`
  const groups = Buffer.from(bytes).toString('hex').match(/.{4}/g)!
  return `${canonicalAddress(groups.join(':'))}/${length}`
}
