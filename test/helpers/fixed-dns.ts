import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { createServer } from 'node:net'

import { freePort } from './ports.ts'
import type { Owner } from './processes.ts'

/** A server on 127.0.0.1 that answers every query with a header of the test's choice. */
export interface FixedDns {
  readonly host: string
  readonly port: number
  /** Rcode and number of answers, which are not there; null is silence. */
  udp: readonly [rcode: number, answers: number] | null
  tcp: readonly [rcode: number, answers: number] | null
  /** Answers are for somebody else. */
  changesId: boolean
}

export async function startFixedDns(owner: Owner): Promise<FixedDns> {
  const port = await freePort()
  const dns: FixedDns = { host: '127.0.0.1', port, udp: [0, 1], tcp: [0, 1], changesId: false }
  const udp = createSocket('udp4')
  udp.on('message', (query, { port: from, address }) => {
    if (dns.udp !== null) udp.send(reply(dns, query, dns.udp), from, address)
  })
  udp.bind(port, dns.host)
  await once(udp, 'listening')
  const tcp = createServer((socket) => {
    socket.on('error', () => {})
    socket.on('data', (frame) => {
      if (dns.tcp === null) return
      const message = reply(dns, frame.subarray(2), dns.tcp)
      const length = Buffer.from([message.length >> 8, message.length & 0xff])
      // Two segments: a reader must not take one for a message.
      socket.setNoDelay(true).write(length)
      socket.end(message)
    })
  })
  await once(tcp.listen(port, dns.host), 'listening')
  owner.after(() => {
    udp.close()
    tcp.close()
  })
  return dns
}

function reply(
  { changesId }: FixedDns,
  query: Buffer,
  [rcode, answers]: readonly [number, number],
): Buffer {
  const message = Buffer.from(query)
  if (changesId) message[0] = message[0]! ^ 0xff
  message[2] = message[2]! | 0x80
  message[3] = rcode
  message.writeUInt16BE(answers, 6)
  return message
}
