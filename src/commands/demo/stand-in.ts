import { once } from 'node:events'
import type { AddressInfo } from 'node:net'

import dns, { type Packet, type Resource } from 'dns2'

import { lookUp } from './zone.ts'

/** The demo's authoritative server in place of kube-dns. */
export interface StandIn {
  readonly address: string
  /** The same for UDP and TCP. */
  readonly port: number
  stop(): Promise<void>
}

const ADDRESS = '127.0.0.1'
/** Ports tried until one is free for UDP as well as TCP. */
const ATTEMPTS = 20
const UDP_SIZE = 1232
/** DO in the flags that an OPT record keeps in its TTL (RFC 6891 §6.1.3). */
const DO_FLAG = 0x8000

const Rcode = { FormErr: 1, NotImp: 4, Refused: 5 } as const
const { TYPE, CLASS } = dns.Packet

/** Opens the server on a port the kernel chooses. */
export async function startStandIn(): Promise<StandIn> {
  for (let attempt = 1; ; attempt++) {
    const server = dns.createTCPServer(answer)
    server.listen(0, ADDRESS)
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    try {
      return standIn(port, server, await openUdp(port))
    } catch (error) {
      server.close()
      if (attempt === ATTEMPTS) throw error
    }
  }
}

type TcpServer = ReturnType<typeof dns.createTCPServer>
type UdpServer = ReturnType<typeof dns.createUDPServer>

async function openUdp(port: number): Promise<UdpServer> {
  const socket = dns.createUDPServer(answer)
  socket.bind(port, ADDRESS)
  await once(socket, 'listening')
  return socket
}

function standIn(port: number, tcp: TcpServer, udp: UdpServer): StandIn {
  const connections = new Set<{ destroy(): void }>()
  tcp.on('connection', (connection) => {
    connections.add(connection)
    connection.on('close', () => connections.delete(connection))
  })
  return {
    address: ADDRESS,
    port,
    async stop(): Promise<void> {
      for (const connection of connections) connection.destroy()
      tcp.close()
      udp.close()
      await Promise.all([once(tcp, 'close'), once(udp, 'close')])
    },
  }
}

type Send = (response: Packet | Buffer) => Promise<Buffer>

function answer(request: Packet, send: Send): void {
  // Over UDP this is a promise; the client that cannot be reached any more asks again.
  Promise.resolve(send(respond(request))).catch(() => {})
}

/**
 * The whole reply to a request. dns2 reads and writes messages, no more: flags, rcodes and EDNS are
 * up to the caller. (It splits a label that contains a dot, so such a name comes back changed.)
 */
function respond(request: Packet): Packet {
  const response = dns.Packet.createResponseFromRequest(request)
  const { header } = response
  const opt = request.additionals.find((record) => record.type === TYPE.EDNS)
  if (opt !== undefined) response.additionals = [ownOpt(opt)]

  const question = request.questions[0]
  if (header.opcode !== 0) header.rcode = Rcode.NotImp
  else if (question === undefined || request.questions.length > 1) header.rcode = Rcode.FormErr
  else if (question.class !== CLASS.IN) header.rcode = Rcode.Refused
  else {
    const found = lookUp(question.name, question.type)
    header.rcode = found.rcode
    header.aa = found.rcode === Rcode.Refused ? 0 : 1
    response.answers = [...found.answers]
    response.authorities = [...found.authorities]
    response.additionals = [...found.additionals, ...response.additionals]
  }
  return response
}

/** Our OPT record: of the client's only DO is copied, options are not understood (RFC 6891 §6.1.1). */
function ownOpt({ ttl }: Resource): Resource {
  const opt = dns.Packet.Resource.EDNS([])
  return Object.assign(opt, { name: '', class: UDP_SIZE, ttl: ttl & DO_FLAG })
}
