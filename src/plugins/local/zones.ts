import type { Query } from '../../serve/query.ts'
import { addRecord, beginReply, endReply } from '../../serve/reply-writer.ts'
import { ZoneTable } from '../../serve/zone-table.ts'
import { lowerCase, write16, write32 } from '../../wire/bytes.ts'
import { Rcode, Type } from '../../wire/codes.ts'
import { HEADER_SIZE, Section } from '../../wire/header.ts'
import { MAX_NAME, textToName } from '../../wire/name.ts'

/** Questions for names that are `localhost` by their first or last label. */
export const requests: { count: number } = { count: 0 }

/** Seconds: a week. */
const TTL = 604_800
const POINTER = 0xc000
const LOCALHOST = wireName('localhost.')
/** Its first label, and no root. */
const LABEL = LOCALHOST.length - 1
const IPV4 = Uint8Array.of(127, 0, 0, 1)
const IPV6 = Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1)
const SOA = soaData()
const THIS_HOST = wireName('1.0.0.127.in-addr.arpa.')

/** Octets of each zone's name, with which the names in it end. */
const sizes = new ZoneTable<number>()
for (const zone of ['localhost.', '0.in-addr.arpa.', '127.in-addr.arpa.', '255.in-addr.arpa.']) {
  sizes.add(zone, wireName(zone).length)
}

/** A compression pointer to the zone in the question's name. */
const owner = new Uint8Array(2)

/** Whether a question is about this machine. @param takesPrefix whether `localhost.DOMAIN` is */
export function isLocal(q: Query, takesPrefix: boolean): boolean {
  return sizes.find(q.wire, q.question) !== undefined || (takesPrefix && hasLabel(q, 0))
}

/** Answers such a question. */
export function answerLocally(q: Query, takesPrefix: boolean): void {
  const { labelCount, nameEnd } = q.question
  const isSpecial =
    labelCount > 1 && (hasLabel(q, labelCount - 1) || (takesPrefix && hasLabel(q, 0)))
  if (isSpecial) {
    requests.count++
    begin(q)
    if (!addLoopback(q)) addSoa(q, nameEnd - HEADER_SIZE)
  } else answerInZone(q, sizes.find(q.wire, q.question)!)
  endReply(q, 'local')
}

/** @param size octets of the zone's name */
function answerInZone(q: Query, size: number): void {
  const { type, nameEnd } = q.question
  if (nameEnd - HEADER_SIZE === size) {
    begin(q)
    const isLocalhost = size === LOCALHOST.length
    if (isLocalhost && addLoopback(q)) return
    if (type === Type.NS) addRecord(q, Section.Answer, null, Type.NS, TTL, LOCALHOST)
    else if (type === Type.SOA) addRecord(q, Section.Answer, null, Type.SOA, TTL, SOA)
    else addSoa(q, size)
  } else if (isName(q, THIS_HOST)) {
    begin(q)
    if (type === Type.PTR) addRecord(q, Section.Answer, null, Type.PTR, TTL, LOCALHOST)
    else addSoa(q, size)
  } else {
    begin(q, Rcode.NXDomain)
    addSoa(q, size)
  }
}

/** Without AA, as CoreDNS has it. */
function begin(q: Query, rcode: number = Rcode.NoError): void {
  beginReply(q, rcode, 0)
}

/** Adds the address of the family that is asked for; false where it is no address. */
function addLoopback(q: Query): boolean {
  const { type } = q.question
  if (type !== Type.A && type !== Type.AAAA) return false
  return addRecord(q, Section.Answer, null, type, TTL, type === Type.A ? IPV4 : IPV6)
}

/** @param size octets of the owner's name, with which the question's ends */
function addSoa(q: Query, size: number): void {
  write16(owner, 0, POINTER | (q.question.nameEnd - size))
  addRecord(q, Section.Authority, owner, Type.SOA, TTL, SOA)
}

/** Whether that label of the question's name is `localhost`, and the name has another one. */
function hasLabel({ wire, question }: Query, index: number): boolean {
  if (question.labelCount < 2) return false
  const start = question.labels[index]!
  for (let i = 0; i < LABEL; i++) {
    if (lowerCase[wire[start + i]!] !== LOCALHOST[i]) return false
  }
  return true
}

function isName({ wire, question }: Query, name: Uint8Array): boolean {
  if (question.nameEnd - HEADER_SIZE !== name.length) return false
  for (let i = 0; i < name.length; i++) {
    if (lowerCase[wire[HEADER_SIZE + i]!] !== name[i]) return false
  }
  return true
}

/** Serial 1, and no intervals but the TTL of denials: nobody transfers this. */
function soaData(): Uint8Array {
  const numbers = new Uint8Array(20)
  write32(numbers, 0, 1)
  write32(numbers, 16, TTL)
  return Buffer.concat([LOCALHOST, wireName('root.localhost.'), numbers])
}

function wireName(name: string): Uint8Array {
  const out = new Uint8Array(MAX_NAME)
  return out.slice(0, textToName(name, out, 0))
}
