import { randomInt } from 'node:crypto'

import dns, { type Packet, type Resource } from 'dns2'

import type { Answer } from './in-order-server.ts'
import { lookUp } from './zone.ts'

/** What a client without EDNS takes over UDP (RFC 1035 §2.3.4), and any client over TCP. */
const UDP_SIZE = 512
const TCP_SIZE = 65_535
const HEADER_SIZE = 12
/** QR in the third octet of a message. */
const RESPONSE = 0x80
/** DO in the flags that an OPT record keeps in its TTL (RFC 6891 §6.1.3). */
const DO_FLAG = 0x8000

const Rcode = { FormErr: 1, NotImp: 4, Refused: 5 } as const
const { TYPE, CLASS } = dns.Packet

/** Answers for the demo's zones; what is no query gets none. */
export const answer: Answer = (query, transport) => {
  if (query.length < HEADER_SIZE || (query[2]! & RESPONSE) !== 0) return null
  const request = dns.Packet.parse(query)
  const opt = request.additionals.find(({ type }) => type === TYPE.EDNS)
  const response = respond(request, opt)
  if (transport === 'tcp') return fit(response, TCP_SIZE)
  return fit(response, opt === undefined ? UDP_SIZE : Math.max(opt.class, UDP_SIZE))
}

/**
 * The whole reply to a request. dns2 reads and writes messages, no more: flags, rcodes and EDNS are
 * up to the caller. (It splits a label that contains a dot, so such a name comes back changed.)
 */
function respond(request: Packet, opt: Resource | undefined): Packet {
  const response = dns.Packet.createResponseFromRequest(request)
  const { header } = response
  if (opt !== undefined) response.additionals = [ownOpt(opt)]

  const question = request.questions[0]
  if (header.opcode !== 0) header.rcode = Rcode.NotImp
  else if (request.errors.length > 0) header.rcode = Rcode.FormErr
  else if (question === undefined || request.questions.length > 1) header.rcode = Rcode.FormErr
  else if (question.class !== CLASS.IN) header.rcode = Rcode.Refused
  else {
    const found = lookUp(question.name, question.type)
    header.rcode = found.rcode
    header.aa = found.rcode === Rcode.Refused ? 0 : 1
    response.answers = shuffled(found.answers)
    response.authorities = [...found.authorities]
    response.additionals = [...shuffled(found.additionals), ...response.additionals]
  }
  return response
}

/** OPT as CoreDNS gives it: the client's size and DO come back, options do not (RFC 6891 §6.1.1). */
function ownOpt(opt: Resource): Resource {
  const own = dns.Packet.Resource.EDNS([])
  return Object.assign(own, { name: '', class: opt.class, ttl: opt.ttl & DO_FLAG })
}

/** As CoreDNS's `loadbalance` does it: addresses in random order, behind all other records. */
function shuffled(records: readonly Resource[]): Resource[] {
  const isAddress = ({ type }: Resource): boolean => type === TYPE.A || type === TYPE.AAAA
  const addresses = records.filter(isAddress)
  for (let i = addresses.length - 1; i > 0; i--) {
    const j = randomInt(i + 1)
    const other = addresses[i]!
    addresses[i] = addresses[j]!
    addresses[j] = other
  }
  return [...records.filter((record) => !isAddress(record)), ...addresses]
}

/**
 * The message in at most `size` octets, as miekg/dns makes it: with names in full where they fit,
 * else compressed, else without its last records and TC (RFC 2181 §9).
 */
function fit(response: Packet, size: number): Buffer {
  const full = encode(response, false)
  if (full.length <= size) return full
  let message = encode(response, true)
  while (message.length > size) {
    // Its own OPT record is the last one to stay.
    if (response.additionals.length > 1) response.additionals.shift()
    else if ((response.authorities.pop() ?? response.answers.pop()) === undefined) break
    else response.header.tc = 1
    message = encode(response, true)
  }
  return message
}

/** dns2's own writer looks names up in a Map of its own; where it finds another thing, it does not. */
function encode(response: Packet, compressed: boolean): Buffer {
  const writer = Object.assign(new dns.Packet.Writer(), compressed ? {} : { names: 'in full' })
  const packet: { toBuffer(writer: dns.Packet.Writer): Buffer } = response
  return packet.toBuffer(writer)
}
