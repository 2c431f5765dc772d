import { Outcome, Protocol, type Query } from './query.ts'
import { className, Flag, OPCODE_MASK, OPCODE_SHIFT, rcodeName, typeName } from '../wire/codes.ts'
import { readFlags } from '../wire/header.ts'
import { nameText } from '../wire/question.ts'
import { classOf, kindOf } from './response-class.ts'

/** Writes one placeholder; `seconds` is how long the query took. */
export type Field = (q: Query, seconds: number) => string

/** What stands where there is nothing to tell. */
export const EMPTY = '-'

/** As CoreDNS names them; the order is that of ResponseKind and, by bit, of ResponseClass. */
const kindNames = [
  'NOERROR',
  'NODATA',
  'NXDOMAIN',
  'DELEGATION',
  'SERVERERROR',
  'METAQUERY',
  'DYNAMICUPDATE',
  'OTHERERROR',
] as const
const classNames = { 1: 'success', 2: 'denial', 4: 'error' } as const

const flagNames = [
  [Flag.QR, 'qr'],
  [Flag.AA, 'aa'],
  [Flag.TC, 'tc'],
  [Flag.RD, 'rd'],
  [Flag.RA, 'ra'],
  [Flag.Z, 'z'],
  [Flag.AD, 'ad'],
  [Flag.CD, 'cd'],
] as const

/** Every placeholder by its name. */
export const fields: ReadonlyMap<string, Field> = new Map<string, Field>([
  ['{type}', (q) => typeName(q.question.type)],
  ['{name}', (q) => nameText(q.wire, q.question, true)],
  ['{class}', (q) => className(q.question.class)],
  ['{proto}', (q) => (q.target.protocol === Protocol.Tcp ? 'tcp' : 'udp')],
  ['{remote}', (q) => bracketed(q.target.remoteAddress(q))],
  ['{local}', (q) => bracketed(q.target.localAddress)],
  ['{port}', (q) => String(q.target.remotePort(q))],
  ['{size}', (q) => String(q.size)],
  ['{>id}', (q) => String(q.id)],
  ['{>opcode}', (q) => String((q.flags & OPCODE_MASK) >>> OPCODE_SHIFT)],
  ['{>do}', (q) => String(q.edns.dnssecOk)],
  ['{>bufsize}', (q) => String(q.target.protocol === Protocol.Tcp ? 65_535 : q.edns.udpSize)],
  ['{rcode}', (q) => (answered(q) ? rcodeText(q.rcode) : EMPTY)],
  ['{>rflags}', (q) => (answered(q) ? flagText(readFlags(q.out)) : EMPTY)],
  ['{rsize}', (q) => String(answered(q) ? q.outLength : 0)],
  ['{duration}', (q, seconds) => (q.finished ? `${seconds}s` : EMPTY)],
  ['{/log/type}', (q) => (q.finished ? kindNames[kindOf(q)] : EMPTY)],
  ['{/log/class}', (q) => (q.finished ? classNames[classOf(q)] : EMPTY)],
])

function answered(q: Query): boolean {
  return q.finished && q.outcome !== Outcome.Drop
}

function bracketed(address: string): string {
  return address.includes(':') ? `[${address}]` : address
}

/** Unknown codes are bare numbers here, as in CoreDNS's logs (not `RCODE12` as in its metrics). */
function rcodeText(rcode: number): string {
  const name = rcodeName(rcode)
  return name.startsWith('RCODE') ? String(rcode) : name
}

function flagText(flags: number): string {
  let text = ''
  for (const [bit, name] of flagNames) {
    if ((flags & bit) !== 0) text += text === '' ? name : `,${name}`
  }
  return text
}
