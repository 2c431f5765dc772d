import { randomInt } from 'node:crypto'

import dns, { type Packet, type Resource } from 'dns2'

/** What a client without EDNS takes over UDP (RFC 1035 §2.3.4), and any client over TCP. */
const UDP_SIZE = 512
const TCP_SIZE = 65_535
/** DO in the flags that an OPT record keeps in its TTL (RFC 6891 §6.1.3). */
const DO_FLAG = 0x8000

const { TYPE } = dns.Packet

/**
 * The octets of a reply as CoreDNS would send it to who asked `request`: with addresses in random order,
 * OPT where the client has it, names in full where they fit.
 *
 * @param response all but OPT; changed by this
 */
export function writeReply(request: Packet, response: Packet, transport: 'udp' | 'tcp'): Buffer {
  const opt = request.additionals.find(({ type }) => type === TYPE.EDNS)
  response.answers = shuffled(response.answers)
  response.additionals = shuffled(response.additionals)
  if (opt !== undefined) response.additionals.push(ownOpt(opt))
  if (transport === 'tcp') return fit(response, TCP_SIZE)
  return fit(response, opt === undefined ? UDP_SIZE : Math.max(opt.class, UDP_SIZE))
}

/** OPT as CoreDNS gives it: the client's size and DO come back, options do not (RFC 6891 §6.1.1). */
function ownOpt(opt: Resource): Resource {
  const own = dns.Packet.Resource.EDNS([])
  return Object.assign(own, { name: '', class: opt.class, ttl: opt.ttl & DO_FLAG })
}

/** As `loadbalance` does it: addresses in random order, behind all other records. */
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
 * else compressed, else without its last records and with TC (RFC 2181 §9).
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
