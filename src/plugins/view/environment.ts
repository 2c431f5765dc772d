import { parseIp, parsePrefix, type Prefix } from '../../corefile/ip.ts'
import {
  bool,
  type Environment,
  func,
  int,
  string,
  type Type,
  type Value,
} from '../../lib/expression/index.ts'
import type { BlockMetadata } from '../../serve/metadata.ts'
import { Protocol, type Query } from '../../serve/query.ts'
import { className, OPCODE_MASK, OPCODE_SHIFT, typeName } from '../../wire/codes.ts'
import { nameText } from '../../wire/question.ts'

/** Octets of `::ffff:0:0/96`, in front of an IPv4 address. */
const MAPPED = Buffer.from('00000000000000000000ffff', 'hex')
const TCP_SIZE = 65_535
/** Prefixes that are kept parsed; expressions have theirs as constants. */
const MAX_PREFIXES = 256

/** What an expression may say, with its type. */
export const names: ReadonlyMap<string, Type> = new Map([
  ...['type', 'name', 'class', 'proto', 'client_ip', 'port', 'server_ip', 'server_port'].map(
    (name): [string, Type] => [name, func([], string)],
  ),
  ...['size', 'id', 'opcode', 'bufsize'].map((name): [string, Type] => [name, func([], int)]),
  ['do', func([], bool)],
  ['incidr', func([string, string], bool)],
  ['metadata', func([string], string)],
])

/** The functions of an expression, about the query that `current` returns. */
export function environmentOf(current: () => Query, metadata: BlockMetadata): Environment {
  const of = (read: (q: Query) => Value) => (): Value => read(current())
  const environment: Environment = {
    type: of((q) => typeName(q.question.type)),
    name: of((q) => nameText(q.wire, q.question, true)),
    class: of((q) => className(q.question.class)),
    proto: of((q) => (q.target.protocol === Protocol.Tcp ? 'tcp' : 'udp')),
    size: of((q) => q.size),
    client_ip: of((q) => q.target.remoteAddress(q)),
    port: of((q) => String(q.target.remotePort(q))),
    id: of((q) => q.id),
    opcode: of((q) => (q.flags & OPCODE_MASK) >>> OPCODE_SHIFT),
    do: of((q) => q.edns.dnssecOk),
    bufsize: of((q) => (q.target.protocol === Protocol.Tcp ? TCP_SIZE : q.edns.udpSize)),
    server_ip: of((q) => q.target.localAddress),
    server_port: of((q) => String(q.target.localPort)),
    incidr: (ip = '', cidr = '') => inCidr(ip as string, cidr as string),
    metadata: (label = '') => metadata.value(label as string, current()) ?? '',
  }
  return Object.freeze(environment)
}

const prefixes = new Map<string, Prefix>()

/** Whether a network has the address. Throws Error with Go's text. */
function inCidr(ip: string, cidr: string): boolean {
  // A link-local client has its interface behind its address.
  const address = parseIp(ip.replace(/%.*$/su, ''))
  if (address === null) throw new Error('first argument is not an IP address')
  const prefix = prefixes.get(cidr) ?? readPrefix(cidr)
  const bytes = unmapped(address)
  const { length } = prefix
  if (bytes.length !== prefix.bytes.length) return false
  const whole = length >> 3
  for (let i = 0; i < whole; i++) if (bytes[i] !== prefix.bytes[i]) return false
  const rest = length & 7
  return rest === 0 || (bytes[whole]! ^ prefix.bytes[whole]!) >> (8 - rest) === 0
}

function readPrefix(cidr: string): Prefix {
  const read = parsePrefix(cidr)
  if (read === null) throw new Error(`invalid CIDR address: ${cidr}`)
  const bytes = unmapped(read.bytes)
  const prefix = { bytes, length: read.length - 8 * (read.bytes.length - bytes.length) }
  if (prefixes.size < MAX_PREFIXES) prefixes.set(cidr, prefix)
  return prefix
}

/** An IPv4 address is one in whatever form, as in Go. */
function unmapped(bytes: Uint8Array): Uint8Array {
  return bytes.length === 16 && MAPPED.equals(bytes.subarray(0, 12)) ? bytes.subarray(12) : bytes
}
