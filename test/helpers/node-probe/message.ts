import { CAPPED_TTL } from '../node-model/official-corefile.ts'
import { DNSLET, Outcome } from './samples.ts'

/** A query for the A record of `name`, id 0 (RFC 1035 §4.1). */
export function addressQuery(name: string, type: 'A' | 'AAAA' = 'A'): Buffer {
  const labels = name.split('.').map((label) => {
    return Buffer.concat([Buffer.of(label.length), Buffer.from(label)])
  })
  const header = [0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0]
  return Buffer.concat([
    Buffer.from(header),
    ...labels,
    Buffer.of(0, 0, type === 'A' ? 1 : 28, 0, 1),
  ])
}

/** Reads answers about `who.cluster.local`. One object for all, so that reading allocates nothing. */
export class AnswerReader {
  id = 0
  outcome: Outcome = Outcome.Failed
  by = 0
  ttl = 0

  /** @param length octets of the message at the start of `bytes` */
  read(bytes: Buffer, length: number): void {
    this.id = length < 2 ? -1 : bytes.readUInt16BE(0)
    this.outcome = Outcome.Failed
    this.by = 0
    this.ttl = 0
    if (length < 12 || (bytes[3]! & 15) !== 0 || bytes.readUInt16BE(6) === 0) return
    const record = afterName(bytes, afterName(bytes, 12) + 4)
    const data = record + 10
    if (data + bytes.readUInt16BE(record + 8) > length) return
    this.outcome = Outcome.Answered
    this.ttl = bytes.readUInt32BE(record + 4)
    const lastOctet = bytes[data + bytes.readUInt16BE(record + 8) - 1]!
    this.by = this.ttl <= CAPPED_TTL ? DNSLET : DNSLET + 1 + lastOctet
  }
}

function afterName(bytes: Buffer, at: number): number {
  let next = at
  for (let octet = bytes[next]!; octet !== 0; octet = bytes[next]!) {
    if (octet >= 0xc0) return next + 2
    next += 1 + octet
  }
  return next + 1
}
