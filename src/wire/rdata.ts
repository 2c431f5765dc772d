import { Class, Type } from './codes.ts'
import { skipName } from './name.ts'

/** Where the names stand in the data of a type. */
interface Layout {
  /** Octets before the first name. */
  readonly before: number
  readonly names: number
  /** Octets after the last name, or ANY_SIZE. */
  readonly after: number
}

const ANY_SIZE = -1

const oneName: Layout = { before: 0, names: 1, after: 0 }
const twoNames: Layout = { before: 0, names: 2, after: 0 }
const numberAndName: Layout = { before: 2, names: 1, after: 0 }
const nameAndMore: Layout = { before: 0, names: 1, after: ANY_SIZE }
const signature: Layout = { before: 18, names: 1, after: ANY_SIZE }

/** The types in whose data a reader may find compressed names (RFC 1035 §3.3, RFC 3597 §4). */
const layouts: ReadonlyMap<number, Layout> = new Map<number, Layout>([
  [Type.NS, oneName],
  [Type.MD, oneName],
  [Type.MF, oneName],
  [Type.CNAME, oneName],
  [Type.SOA, { before: 0, names: 2, after: 20 }],
  [Type.MB, oneName],
  [Type.MG, oneName],
  [Type.MR, oneName],
  [Type.PTR, oneName],
  [Type.MINFO, twoNames],
  [Type.MX, numberAndName],
  [Type.RP, twoNames],
  [Type.AFSDB, numberAndName],
  [Type.RT, numberAndName],
  [Type.SIG, signature],
  [Type.PX, { before: 2, names: 2, after: 0 }],
  [Type.NXT, nameAndMore],
  [Type.SRV, { before: 6, names: 1, after: 0 }],
  [Type.KX, numberAndName],
  [Type.DNAME, oneName],
  [Type.RRSIG, signature],
  [Type.NSEC, nameAndMore],
])

/**
 * Whether the data in `b[at..end)` has the form of its type. Checked are addresses, because every
 * client relies on them, and the types that may hold a compressed name, because a name that loops or
 * leaves the message must not reach a client. Data of any other type is sound.
 */
export function isSoundData(
  b: Uint8Array,
  type: number,
  klass: number,
  at: number,
  end: number,
): boolean {
  // In class CH, A is a name and a number (RFC 1034 §3.6).
  if (type === Type.A) return klass !== Class.IN || end - at === 4
  if (type === Type.AAAA) return end - at === 16
  if (type === Type.NAPTR) return isSoundNaptr(b, at, end)
  const layout = layouts.get(type)
  if (layout === undefined) return true
  let name = at + layout.before
  for (let i = 0; i < layout.names; i++) {
    name = skipName(b, name, end)
    if (name < 0) return false
  }
  return layout.after === ANY_SIZE || name + layout.after === end
}

/** Two numbers, three character strings, one name (RFC 3403 §4.1). */
function isSoundNaptr(b: Uint8Array, at: number, end: number): boolean {
  let next = at + 4
  for (let i = 0; i < 3; i++) {
    if (next >= end) return false
    next += 1 + b[next]!
  }
  return skipName(b, next, end) === end
}
