import { type CorefileError, type Token, valueError } from '../../corefile/directive.ts'
import { quote } from '../../corefile/go-quote.ts'
import { parseIp, parsePrefix } from '../../corefile/ip.ts'
import type { BlockMetadata } from '../../serve/metadata.ts'
import { Protocol, type Query } from '../../serve/query.ts'
import { write16 } from '../../wire/bytes.ts'
import { MAX_OPTIONS } from '../../wire/edns.ts'
import type { Draft, Rule } from './draft.ts'
import { Action, EdnsChanges, OPTION_NSID, OPTION_SUBNET } from './edns-changes.ts'
import { readUnsigned } from './unsigned.ts'

/** The data of an option for a query; null where there is none to give. */
type Data = (draft: Draft) => Uint8Array | null

const NO_DATA = new Uint8Array(0)
const OPTION_HEAD = 4
/** Octets of family and the two lengths in front of an address (RFC 7871 §6). */
const SUBNET_HEAD = 4
const FAMILY_IPV4 = 1
const FAMILY_IPV6 = 2

/** Of the variables that CoreDNS has: those that are no labels of metadata. */
const variables: ReadonlyMap<string, Data> = new Map<string, Data>([
  ['{qname}', (draft) => Buffer.from(draft.spelling, 'latin1')],
  ['{qtype}', (draft) => word(draft.type)],
  ['{client_ip}', ({ q }) => clientAddress(q)],
  ['{client_port}', ({ q }) => word(q.target.remotePort(q))],
  ['{protocol}', ({ q }) => Buffer.from(q.target.protocol === Protocol.Tcp ? 'tcp' : 'udp')],
  ['{server_ip}', ({ q }) => serverAddress(q)],
  ['{server_port}', ({ q }) => word(q.target.localPort)],
])

/**
 * Reads what follows `edns0`. Errors are CoreDNS's.
 *
 * @param args at least one; the first is `edns0` itself
 * @param metadata of the block, null for none
 */
export function readEdnsRule(
  goesOn: boolean,
  args: readonly Token[],
  metadata: BlockMetadata | null,
): Rule {
  const [field, typeToken, actionToken, ...rest] = args
  const at = args.at(-1)!
  if (typeToken === undefined || actionToken === undefined) {
    throw valueError(field!, 'too few arguments for an EDNS0 rule')
  }
  const type = typeToken.text.toLowerCase()
  const action = Action.find((known) => known === actionToken.text.toLowerCase())
  if (action === undefined) {
    throw valueError(actionToken, `invalid action: ${quote(actionToken.text.toLowerCase())}`)
  }
  const unsets = action === 'unset'
  const reverts = !unsets && at.text === 'revert'
  const values = reverts ? args.slice(3, -1) : rest
  if (type !== 'local' && type !== 'nsid' && type !== 'subnet') {
    throw valueError(typeToken, `invalid rule type ${quote(type)}`)
  }
  const wanted = unsets ? unsetCounts[type] : counts[type]
  if (values.length !== wanted.count) throw valueError(at, wanted.problem)
  const [code, data] = unsets ? unset(type, values) : readers[type](values, metadata)
  return ednsRule(goesOn, code, action, data, reverts)
}

const counts = {
  local: { count: 2, problem: 'EDNS0 local rules require three or four args' },
  nsid: { count: 0, problem: 'EDNS0 NSID rules can accept no more than one arg' },
  subnet: { count: 2, problem: 'EDNS0 subnet rules require three or four args' },
} as const

const unsetCounts = {
  local: { count: 1, problem: 'local unset action requires exactly two arguments' },
  nsid: { count: 0, problem: 'nsid unset action requires exactly one argument' },
  subnet: { count: 0, problem: 'subnet unset action requires exactly one argument' },
} as const

type OptionType = keyof typeof counts

type ReadValues = (
  values: readonly Token[],
  metadata: BlockMetadata | null,
) => readonly [number, Data]

const readers: Readonly<Record<OptionType, ReadValues>> = {
  local: ([code, data], metadata) => [readUnsigned(code!, 16, 0), localData(data!, metadata)],
  nsid: () => [OPTION_NSID, () => NO_DATA],
  subnet: ([v4, v6]) => [OPTION_SUBNET, subnetData(v4!, v6!)],
}

function unset(type: OptionType, [code]: readonly Token[]): readonly [number, Data] {
  if (type === 'local') return [readUnsigned(code!, 16, 0), () => NO_DATA]
  return [type === 'nsid' ? OPTION_NSID : OPTION_SUBNET, () => NO_DATA]
}

function ednsRule(
  goesOn: boolean,
  code: number,
  action: Action,
  dataOf: Data,
  reverts: boolean,
): Rule {
  return {
    goesOn,
    match: null,
    apply(draft) {
      const data = dataOf(draft)
      if (data === null) return false
      draft.edns ??= new EdnsChanges(draft.q)
      return draft.edns.change(code, action, data, reverts)
    },
  }
}

function localData(token: Token, metadata: BlockMetadata | null): Data {
  const { text } = token
  if (text.startsWith('{') && text.endsWith('}')) return variableData(token, metadata)
  const data = text.startsWith('0x') ? readHex(token) : Buffer.from(text)
  if (data.length > MAX_OPTIONS - OPTION_HEAD) {
    throw valueError(token, `EDNS0 local data of ${data.length} octets: there is room for 1020`)
  }
  return () => data
}

function variableData(token: Token, metadata: BlockMetadata | null): Data {
  const data = variables.get(token.text)
  if (data !== undefined) return data
  const label = token.text.slice(1, -1)
  if (!isLabel(label)) {
    throw valueError(token, `unsupported variable name ${quote(token.text)}`)
  }
  return ({ q }) => {
    // As in CoreDNS, a rule whose label has no value is passed over.
    const value = metadata?.value(label, q) ?? ''
    return value === '' ? null : Buffer.from(value)
  }
}

/** `plugin/name`. */
function isLabel(text: string): boolean {
  const slash = text.indexOf('/')
  return slash > 0 && slash < text.length - 1
}

function readHex(token: Token): Buffer {
  const digits = token.text.slice(2)
  const wrong = /[^0-9a-fA-F]/u.exec(digits)?.[0]
  if (wrong !== undefined) throw hexError(token, `invalid byte: ${goRune(wrong)}`)
  if (digits.length % 2 === 1) throw hexError(token, 'odd length hex string')
  return Buffer.from(digits, 'hex')
}

function hexError(token: Token, reason: string): CorefileError {
  return valueError(token, `encoding/hex: ${reason}`)
}

/** As Go's `%#U` prints a character. */
function goRune(character: string): string {
  const code = character.codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0')
  return `U+${code} '${character}'`
}

function subnetData(v4: Token, v6: Token): Data {
  const v4Length = readMask(v4, 'IPv4', 32)
  const v6Length = readMask(v6, 'IPv6', 128)
  return ({ q }) => {
    const isIPv6 = q.target.isIPv6(q)
    const length = isIPv6 ? v6Length : v4Length
    const prefix = parsePrefix(`${withoutZone(q.target.remoteAddress(q))}/${length}`)
    if (prefix === null) return null
    const size = Math.ceil(length / 8)
    const data = new Uint8Array(SUBNET_HEAD + size)
    write16(data, 0, isIPv6 ? FAMILY_IPV6 : FAMILY_IPV4)
    data[2] = length
    data.set(prefix.bytes.subarray(0, size), SUBNET_HEAD)
    return data
  }
}

function readMask(token: Token, family: string, max: number): number {
  const length = readUnsigned(token, 16, 0)
  if (length > max) throw valueError(token, `invalid ${family} bit mask length ${length}`)
  return length
}

function word(value: number): Uint8Array {
  const data = new Uint8Array(2)
  write16(data, 0, value)
  return data
}

function clientAddress(q: Query): Uint8Array | null {
  return parseIp(withoutZone(q.target.remoteAddress(q)))
}

/** Null where the socket listens on every address of the other family too, and does not know. */
function serverAddress(q: Query): Uint8Array | null {
  const address = parseIp(withoutZone(q.target.localAddress))
  return address !== null && (address.length === 16) === q.target.isIPv6(q) ? address : null
}

function withoutZone(address: string): string {
  const percent = address.indexOf('%')
  return percent < 0 ? address : address.slice(0, percent)
}
