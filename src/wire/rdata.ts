import { Class, Type } from './codes.ts'
import { copyName, MAX_NAME, skipName } from './name.ts'

/** Where the names stand in the data of a type. */
export interface Layout {
  /** Octets before the first name; for some types that depends on the data, see `firstName`. */
  readonly before: number
  readonly names: number
  /** Octets after the last name, or ANY_SIZE. */
  readonly after: number
  /**
   * Whether its names may be compressed: those of the types of RFC 1035 §3.3, and no other (RFC 3597
   * §4). There are clients that take no pointer elsewhere (Go before 1.15, in SRV).
   */
  readonly compressible: boolean
  /** Whether data of another form makes a reply unsound, or is none of our business. */
  readonly checked: boolean
}

const ANY_SIZE = -1

/** Has a number that its RFCs never gave up, but no mnemonic that is a word (RFC 1348). */
const NSAP_PTR = 23
/** The kinds of gateway and relay that are names (RFC 4025 §2.3, RFC 8777 §4.2.3). */
const GATEWAY_IS_NAME = 3
const RELAY_KIND_MASK = 0x7f

function plain(before: number, names: number, after: number): Layout {
  return { before, names, after, compressible: true, checked: true }
}

function inFull(before: number, names: number, after: number): Layout {
  return { before, names, after, compressible: false, checked: true }
}

function unchecked(before: number, names: number): Layout {
  return { before, names, after: ANY_SIZE, compressible: false, checked: false }
}

const gateway = unchecked(3, 1)
const relay = unchecked(2, 1)
/** Two numbers, three character strings, one name (RFC 3403 §4.1). */
const naptr = inFull(4, 1, 0)

/**
 * Checked are the types in whose data a reader may find compressed names (RFC 1035 §3.3, RFC 3597 §4),
 * unchecked those in which names never are compressed.
 */
const layouts: ReadonlyMap<number, Layout> = new Map<number, Layout>([
  [Type.NS, plain(0, 1, 0)],
  [Type.MD, plain(0, 1, 0)],
  [Type.MF, plain(0, 1, 0)],
  [Type.CNAME, plain(0, 1, 0)],
  [Type.SOA, plain(0, 2, 20)],
  [Type.MB, plain(0, 1, 0)],
  [Type.MG, plain(0, 1, 0)],
  [Type.MR, plain(0, 1, 0)],
  [Type.PTR, plain(0, 1, 0)],
  [Type.MINFO, plain(0, 2, 0)],
  [Type.MX, plain(2, 1, 0)],
  [Type.RP, inFull(0, 2, 0)],
  [Type.AFSDB, inFull(2, 1, 0)],
  [Type.RT, inFull(2, 1, 0)],
  [NSAP_PTR, unchecked(0, 1)],
  [Type.SIG, inFull(18, 1, ANY_SIZE)],
  [Type.PX, inFull(2, 2, 0)],
  [Type.NXT, inFull(0, 1, ANY_SIZE)],
  [Type.SRV, inFull(6, 1, 0)],
  [Type.NAPTR, naptr],
  [Type.KX, inFull(2, 1, 0)],
  [Type.DNAME, inFull(0, 1, 0)],
  [Type.IPSECKEY, gateway],
  [Type.RRSIG, inFull(18, 1, ANY_SIZE)],
  [Type.NSEC, inFull(0, 1, ANY_SIZE)],
  [Type.TALINK, unchecked(0, 2)],
  [Type.SVCB, unchecked(2, 1)],
  [Type.HTTPS, unchecked(2, 1)],
  [Type.LP, unchecked(2, 1)],
  [Type.AMTRELAY, relay],
])

/** Types up to here are looked up without a hash. */
const SMALL_TYPES = 256
const smallTypes: readonly (Layout | null)[] = Array.from(
  { length: SMALL_TYPES },
  (_, type) => layouts.get(type) ?? null,
)

/** The layout of a type's data; null where it holds no name that we know of. */
export function layoutOf(type: number): Layout | null {
  return type < SMALL_TYPES ? smallTypes[type]! : (layouts.get(type) ?? null)
}

/** The offset of the first name in the data `b[at..end)` of this layout, −1 where there is none. */
export function firstName(b: Uint8Array, layout: Layout, at: number, end: number): number {
  if (layout === naptr) return naptrName(b, at + layout.before, end)
  const name = at + layout.before
  if (layout === gateway && b[at + 1] !== GATEWAY_IS_NAME) return -1
  if (layout === relay && (b[at + 1]! & RELAY_KIND_MASK) !== GATEWAY_IS_NAME) return -1
  return name < end ? name : -1
}

function naptrName(b: Uint8Array, strings: number, end: number): number {
  let at = strings
  for (let i = 0; i < 3; i++) {
    if (at >= end) return -1
    at += 1 + b[at]!
  }
  return at < end ? at : -1
}

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
  const layout = layoutOf(type)
  if (layout === null || !layout.checked) return true
  let name = firstName(b, layout, at, end)
  if (name < 0) return false
  for (let i = 0; i < layout.names; i++) {
    name = skipName(b, name, end)
    if (name < 0) return false
  }
  return layout.after === ANY_SIZE || name + layout.after === end
}

/** A copy of the data in `b[at..end)` of a scanned message, the names in it written in full. */
export function dataInFull(b: Buffer, type: number, at: number, end: number): Buffer {
  const layout = layoutOf(type)
  let name = layout === null || !layout.checked ? -1 : firstName(b, layout, at, end)
  if (name < 0) return Buffer.copyBytesFrom(b, at, end - at)
  const out = Buffer.alloc(end - at + layout!.names * MAX_NAME)
  let to = b.copy(out, 0, at, name)
  for (let i = 0; i < layout!.names; i++) {
    to = copyName(b, name, out, to)
    name = skipName(b, name, end)
  }
  return out.subarray(0, to + b.copy(out, to, name, end))
}
