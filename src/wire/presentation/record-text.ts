import { read16, read32 } from '../bytes.ts'
import { Class, className, Type, typeName } from '../codes.ts'
import { nameToText, skipName } from '../name.ts'
import { dataInFull } from '../rdata.ts'
import { CLASS_TO_TTL, TTL_TO_RDATA } from '../record-layout.ts'
import type { Records } from '../records.ts'

/** Writes the data of one type, all names of it in full; it is sound. */
type Present = (data: Buffer) => string

const oneName: Present = (data) => nameAt(data, 0)
const preferredName: Present = (data) => `${read16(data, 0)} ${nameAt(data, 2)}`

const presenters: ReadonlyMap<number, Present> = new Map<number, Present>([
  [Type.A, (data) => data.join('.')],
  [Type.AAAA, ipv6],
  ...[Type.NS, Type.CNAME, Type.PTR, Type.DNAME].map((type): [number, Present] => [type, oneName]),
  ...[Type.MX, Type.AFSDB, Type.KX].map((type): [number, Present] => [type, preferredName]),
  [Type.SOA, soa],
  [Type.SRV, (data) => `${numbers(data, 0, 3)} ${nameAt(data, 6)}`],
  [Type.TXT, strings],
  [Type.SPF, strings],
])

/**
 * Record `i` of a scanned message in zone-file syntax: owner, TTL, class, type and data, absolute names,
 * nothing but printable ASCII. Data of types that are rare, or of no class IN, has the form of RFC 3597 §5
 * (`\# 4 0a000001`).
 */
export function recordText(b: Buffer, records: Records, i: number): string {
  const [type, ttlAt, end] = [records.types[i]!, records.ttlAt[i]!, records.ends[i]!]
  const klass = read16(b, ttlAt - CLASS_TO_TTL)
  const data = dataInFull(b, type, ttlAt + TTL_TO_RDATA, end)
  const present = klass === Class.IN ? presenters.get(type) : undefined
  const head = [
    nameToText(b, records.starts[i]!, end) ?? '.',
    read32(b, ttlAt),
    className(klass),
    typeName(type),
  ]
  return `${head.join(' ')} ${present?.(data) ?? generic(data)}`
}

function generic(data: Buffer): string {
  return `\\# ${data.length} ${data.toString('hex')}`.trimEnd()
}

function nameAt(data: Buffer, at: number): string {
  return nameToText(data, at, data.length) ?? '.'
}

/** The platform's own URL parser knows the form of RFC 5952. */
function ipv6(data: Buffer): string {
  const words = Array.from({ length: 8 }, (_, i) => read16(data, 2 * i).toString(16))
  return new URL(`http://[${words.join(':')}]`).hostname.slice(1, -1)
}

function numbers(data: Buffer, at: number, count: number): string {
  return Array.from({ length: count }, (_, i) => read16(data, at + 2 * i)).join(' ')
}

function soa(data: Buffer): string {
  const mailbox = skipName(data, 0, data.length)
  const at = skipName(data, mailbox, data.length)
  const times = Array.from({ length: 5 }, (_, i) => read32(data, at + 4 * i))
  return [nameAt(data, 0), nameAt(data, mailbox), ...times].join(' ')
}

/** Character strings (RFC 1035 §3.3); what would not fill them is shown as octets. */
function strings(data: Buffer): string {
  const texts: string[] = []
  let at = 0
  while (at < data.length) {
    const end = at + 1 + data[at]!
    if (end > data.length) return generic(data)
    texts.push(quoted(data.subarray(at + 1, end)))
    at = end
  }
  return texts.length === 0 ? generic(data) : texts.join(' ')
}

function quoted(octets: Buffer): string {
  const text = Array.from(octets, (octet) => {
    if (octet < 0x20 || octet > 0x7e) return `\\${String(octet).padStart(3, '0')}`
    const c = String.fromCharCode(octet)
    return c === '"' || c === '\\' ? `\\${c}` : c
  })
  return `"${text.join('')}"`
}
