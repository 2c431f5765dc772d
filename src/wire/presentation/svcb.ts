import { ipv4Octets, ipv6Octets } from './address.ts'
import { base64Octets, counted, type RdataWriter, word16 } from './rdata-writer.ts'
import { type Word, wordOctets } from './tokens.ts'

/** Keys of RFC 9460 §14.3.2, RFC 9461 and RFC 9540. */
const KEYS: readonly string[] = [
  'mandatory',
  'alpn',
  'no-default-alpn',
  'port',
  'ipv4hint',
  'ech',
  'ipv6hint',
  'dohpath',
  'ohttp',
]

/** Priority, target and parameters of a SVCB or HTTPS record (RFC 9460 §2.1). */
export function writeSvcb(rdata: RdataWriter): void {
  rdata.number(2)
  rdata.name()
  const values = new Map<number, Uint8Array>()
  while (rdata.left > 0) {
    const parameter = readParameter(rdata)
    if (parameter === null || values.has(parameter.key)) {
      rdata.isBad = true
      return
    }
    values.set(parameter.key, parameter.value)
  }
  for (const [key, value] of [...values].toSorted(([a], [b]) => a - b)) {
    rdata.add(word16(key))
    rdata.add(word16(value.length))
    rdata.add(value)
  }
}

interface Parameter {
  readonly key: number
  readonly value: Uint8Array
}

/** `key`, `key=value` or `key="value"`; the quoted value is a word of its own. */
function readParameter(rdata: RdataWriter): Parameter | null {
  const { quoted, text } = rdata.word()
  const equals = text.indexOf('=')
  const key = keyOf(equals < 0 ? text : text.slice(0, equals))
  if (quoted || key < 0) return null
  const given: Word =
    equals === text.length - 1 && equals >= 0 && rdata.left > 0
      ? rdata.word()
      : { text: equals < 0 ? '' : text.slice(equals + 1), quoted: false }
  const value = valueOf(key, given.text)
  return value === null ? null : { key, value }
}

function keyOf(name: string): number {
  const generic = /^key(0|[1-9]\d{0,4})$/.exec(name)
  if (generic === null) return KEYS.indexOf(name)
  return Number(generic[1]) < 0xffff ? Number(generic[1]) : -1
}

function valueOf(key: number, text: string): Uint8Array | null {
  switch (KEYS[key]) {
    case 'mandatory':
      return each(text, (name) => {
        const code = keyOf(name)
        return code < 0 ? null : word16(code)
      })
    case 'alpn':
      return each(text, (id) => {
        const octets = wordOctets(id)
        const fits = octets !== null && octets.length > 0 && octets.length < 256
        return fits ? counted(octets) : null
      })
    case 'no-default-alpn':
    case 'ohttp':
      return text === '' ? new Uint8Array() : null
    case 'port':
      return /^\d{1,5}$/.test(text) && Number(text) <= 0xffff ? word16(Number(text)) : null
    case 'ipv4hint':
      return each(text, ipv4Octets)
    case 'ipv6hint':
      return each(text, ipv6Octets)
    case 'ech':
      return base64Octets(text)
    default:
      return wordOctets(text)
  }
}

/** The values between commas, one at least. */
function each(text: string, read: (part: string) => Uint8Array | null): Uint8Array | null {
  const parts = text.split(',').map(read)
  return parts.some((part) => part === null) ? null : Buffer.concat(parts as Uint8Array[])
}
