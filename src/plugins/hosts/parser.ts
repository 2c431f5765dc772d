import { parseIp } from '../../corefile/ip.ts'
import type { ZoneTable } from '../../serve/zone-table.ts'
import { type HostTable, Kind } from './host-table.ts'
import { NameKey } from './name-key.ts'

const NEWLINE = 0x0a
const CARRIAGE_RETURN = 0x0d
const TAB = 0x09
const SPACE = 0x20
const HASH = 0x23
const DOT = 0x2e
const ZERO = 0x30

/** More characters than any name or address has: what is cut there stays no name. */
const LONGEST_FIELD = 1_100

/**
 * Reads lines of a hosts file (hosts(5)) into a table, in pieces that may end anywhere. What is no address
 * or no name is passed over, and so are names outside of the zones.
 */
export class HostsParser {
  readonly #table: HostTable
  readonly #zones: ZoneTable<true>
  readonly #reverse: boolean
  readonly #key = new NameKey()
  readonly #reverseKey = new NameKey()
  /** The beginning of a field whose end is still to come. */
  #begun = ''
  #inComment = false
  /** Fields of this line so far. */
  #fields = 0

  /** The line's address, which following lines often share. */
  #text = ''
  #address: Uint8Array | null = null
  /** Where the table has it, and the node of its reverse name; 0: not yet. */
  #stored = 0
  #reverseNode = 0

  /** @param reverse whether addresses get PTR records */
  constructor(table: HostTable, zones: ZoneTable<true>, reverse: boolean) {
    this.#table = table
    this.#zones = zones
    this.#reverse = reverse
  }

  push(b: Buffer): void {
    let start = -1
    for (let at = 0; at < b.length; at++) {
      if (this.#inComment) {
        at = b.indexOf(NEWLINE, at)
        if (at < 0) return
        this.#endLine()
        continue
      }
      const octet = b[at]!
      if (octet !== HASH && !isSpace(octet)) {
        if (start < 0) start = at
        continue
      }
      if (start >= 0 || this.#begun !== '') this.#field(this.#take(b, start, at))
      start = -1
      if (octet === HASH) this.#inComment = true
      else if (octet === NEWLINE) this.#endLine()
    }
    if (start >= 0) this.#begun = this.#take(b, start, b.length)
  }

  /** The last line is over, with a newline or without. */
  end(): void {
    if (this.#begun !== '') this.#field(this.#begun)
    this.#begun = ''
    this.#endLine()
  }

  #take(b: Buffer, start: number, end: number): string {
    const begun = this.#begun
    this.#begun = ''
    if (start < 0) return begun
    const to = Math.min(end, start + LONGEST_FIELD - begun.length)
    return begun + b.toString('latin1', start, to)
  }

  #endLine(): void {
    this.#inComment = false
    this.#fields = 0
  }

  #field(text: string): void {
    if (this.#fields++ === 0) this.#takeAddress(text)
    else if (this.#address !== null) this.#takeName(text, this.#address)
  }

  #takeAddress(text: string): void {
    if (text === this.#text) return
    this.#text = text
    this.#address = addressOf(text)
    this.#stored = 0
    this.#reverseNode = 0
  }

  #takeName(text: string, address: Uint8Array): void {
    const key = this.#key
    const table = this.#table
    if (!key.readText(text) || this.#zones.find(key.bytes, key.question) === undefined) return
    const { isWildcard } = key
    // It would have to stand for top-level names, and does in no server.
    if (isWildcard && key.question.labelCount < 2) return
    if (this.#stored === 0) this.#stored = table.store(address, 0, address.length)
    const node = table.add(key)
    table.append(node, address.length === 4 ? Kind.A : Kind.AAAA, this.#stored)
    if (!this.#reverse || isWildcard) return
    if (this.#reverseNode === 0) {
      this.#reverseKey.readText(reverseName(address))
      this.#reverseNode = table.add(this.#reverseKey)
    }
    table.append(this.#reverseNode, Kind.PTR, table.nameOf(node))
  }
}

/** Whether Go's bytes.Fields ends a field here. */
function isSpace(octet: number): boolean {
  return octet === SPACE || (octet <= CARRIAGE_RETURN && octet >= TAB)
}

/** 4 or 16 octets, null where the text is no address. A zone (`%eth0`) is cut, `::ffff:` is IPv4. */
function addressOf(text: string): Uint8Array | null {
  const percent = text.indexOf('%')
  const address = percent < 0 ? text : text.slice(0, percent)
  if (!address.includes(':')) return ipv4Of(address)
  const bytes = parseIp(address)
  if (bytes === null) return null
  const isMapped =
    bytes[10] === 0xff && bytes[11] === 0xff && bytes.subarray(0, 10).every((octet) => octet === 0)
  return isMapped ? bytes.slice(12) : bytes
}

/** As `parseIp()`, in a tenth of its time: most files have millions of these and nothing else. */
function ipv4Of(text: string): Uint8Array | null {
  const bytes = new Uint8Array(4)
  let part = 0
  let value = -1
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code === DOT) {
      if (value < 0 || part === 3) return null
      bytes[part++] = value
      value = -1
      continue
    }
    // No leading zeros, as in Go: some take them for octal digits.
    if (code < ZERO || code > ZERO + 9 || value === 0) return null
    value = Math.max(value, 0) * 10 + code - ZERO
    if (value > 0xff) return null
  }
  if (value < 0 || part < 3) return null
  bytes[3] = value
  return bytes
}

/** The name that PTR records of an address have (RFC 1035 §3.5, RFC 3596 §2.5). */
function reverseName(address: Uint8Array): string {
  const [a, b, c, d] = address
  if (address.length === 4) return `${d}.${c}.${b}.${a}.in-addr.arpa`
  const digits = Buffer.from(address).toString('hex')
  return `${Array.from(digits).reverse().join('.')}.ip6.arpa`
}
