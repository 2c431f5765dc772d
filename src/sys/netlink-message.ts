export const AF_NETLINK = 16

/** `flags` of a request. Dump: every object there is, instead of one. */
export const Nlm = {
  Request: 0x1,
  Ack: 0x4,
  Replace: 0x100,
  Exclusive: 0x200,
  Create: 0x400,
  Dump: 0x300,
} as const

/** Type of the message that acknowledges a request, or says why not. */
export const NLMSG_ERROR = 2

/** sizeof(struct nlmsghdr) and sizeof(struct nlattr). */
const HEADER_SIZE = 16
const ATTRIBUTE_HEADER_SIZE = 4

/** Says that the value of an attribute is attributes. */
const NLA_F_NESTED = 0x8000
const NLA_TYPE_MASK = 0x3fff

/** A message of the kernel: what follows the header of 16 octets. */
export interface NetlinkReply {
  readonly type: number
  readonly sequence: number
  readonly payload: Buffer
}

/**
 * An attribute, padded to four octets as the next one must begin there. Numbers become 32 bits in
 * the order of the machine (little-endian on all we run on), text ends in a zero octet.
 *
 *     length 2 (header and value, not the padding) | type 2 | value | padding
 */
export function attribute(type: number, value: Uint8Array | string | number): Buffer {
  const bytes = octetsOf(value)
  const out = Buffer.alloc(aligned(ATTRIBUTE_HEADER_SIZE + bytes.length))
  out.writeUInt16LE(ATTRIBUTE_HEADER_SIZE + bytes.length, 0)
  out.writeUInt16LE(type, 2)
  out.set(bytes, ATTRIBUTE_HEADER_SIZE)
  return out
}

/** An attribute that holds attributes. */
export function nested(type: number, ...attributes: readonly Buffer[]): Buffer {
  return attribute(type | NLA_F_NESTED, Buffer.concat(attributes))
}

/**
 * A whole message to the kernel.
 *
 *     length 4 | type 2 | flags 2 | sequence 4 | port 4 (0: the kernel fills it in) | parts
 *
 * @param parts the structure that the type asks for, then attributes; each a multiple of four octets
 */
export function netlinkMessage(
  type: number,
  flags: number,
  sequence: number,
  parts: readonly Buffer[],
): Buffer {
  const header = Buffer.alloc(HEADER_SIZE)
  const message = Buffer.concat([header, ...parts])
  message.writeUInt32LE(message.length, 0)
  message.writeUInt16LE(type, 4)
  message.writeUInt16LE(flags, 6)
  message.writeUInt32LE(sequence, 8)
  return message
}

/** The messages of one datagram; ends at the first one that is cut short. Payloads are views. */
export function readMessages(datagram: Buffer): NetlinkReply[] {
  const messages: NetlinkReply[] = []
  for (let at = 0; at + HEADER_SIZE <= datagram.length;) {
    const length = datagram.readUInt32LE(at)
    if (length < HEADER_SIZE || at + length > datagram.length) break
    messages.push({
      type: datagram.readUInt16LE(at + 4),
      sequence: datagram.readUInt32LE(at + 8),
      payload: datagram.subarray(at + HEADER_SIZE, at + length),
    })
    at += aligned(length)
  }
  return messages
}

/** Values by type, as views; of two of a type the last. Ends at the first one that is cut short. */
export function readAttributes(bytes: Buffer): Map<number, Buffer> {
  const attributes = new Map<number, Buffer>()
  for (let at = 0; at + ATTRIBUTE_HEADER_SIZE <= bytes.length;) {
    const length = bytes.readUInt16LE(at)
    if (length < ATTRIBUTE_HEADER_SIZE || at + length > bytes.length) break
    const type = bytes.readUInt16LE(at + 2) & NLA_TYPE_MASK
    attributes.set(type, bytes.subarray(at + ATTRIBUTE_HEADER_SIZE, at + length))
    at += aligned(length)
  }
  return attributes
}

/** Text up to its zero octet. */
export function textOf(value: Buffer): string {
  const end = value.indexOf(0)
  return value.toString('latin1', 0, end < 0 ? value.length : end)
}

function octetsOf(value: Uint8Array | string | number): Uint8Array {
  if (typeof value === 'string') return Buffer.from(`${value}\0`, 'latin1')
  if (typeof value !== 'number') return value
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(value)
  return bytes
}

function aligned(length: number): number {
  return (length + 3) & ~3
}
