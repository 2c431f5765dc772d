import { createSocket, type Socket as UdpSocket } from 'node:dgram'
import { once } from 'node:events'
import { type AddressInfo, createServer, type Server } from 'node:net'
import type { Endpoint } from '../../src/lib/address.ts'
import { nameText, parseQuestion, Question } from '../../src/wire/question.ts'
import { freePort } from '../helpers/ports.ts'
import type { Owner } from '../helpers/processes.ts'

/** A query as the server got it. */
export interface Seen {
  readonly name: string
  /** 1 or 28, or another. */
  readonly type: number
  readonly protocol: 'udp' | 'tcp'
  /** The client's port. */
  readonly port: number
  /** How often this name and type were asked before. */
  readonly before: number
  readonly query: Buffer
}

/** What goes back: messages as they are, none where the query is lost. */
export type Script = (seen: Seen) => readonly Buffer[]

/** A server that answers as it is told to, over UDP and TCP, and remembers what it was asked. */
export class ScriptedServer {
  readonly endpoint: Endpoint
  readonly seen: Seen[] = []
  connections = 0
  readonly #udp: UdpSocket
  readonly #tcp: Server
  readonly #script: Script
  #closed = false

  private constructor(udp: UdpSocket, tcp: Server, host: string, script: Script) {
    this.#udp = udp
    this.#tcp = tcp
    this.#script = script
    this.endpoint = { host, port: (tcp.address() as AddressInfo).port }
    udp.on('message', (query, from) => {
      for (const reply of this.#answer(query, 'udp', from.port)) {
        udp.send(reply, from.port, from.address)
      }
    })
    tcp.on('connection', (socket) => {
      this.connections++
      let rest = Buffer.alloc(0)
      socket.on('error', () => socket.destroy())
      socket.on('data', (chunk) => {
        rest = Buffer.concat([rest, chunk])
        while (rest.length >= 2 && rest.length >= 2 + rest.readUInt16BE(0)) {
          const query = rest.subarray(2, 2 + rest.readUInt16BE(0))
          rest = rest.subarray(2 + query.length)
          for (const reply of this.#answer(query, 'tcp', socket.remotePort ?? 0)) {
            socket.write(Buffer.concat([Buffer.of(reply.length >> 8, reply.length), reply]))
          }
        }
      })
    })
  }

  static async open(owner: Owner, script: Script, host = '127.0.0.1'): Promise<ScriptedServer> {
    const port = await freePort(host)
    const udp = createSocket(host.includes(':') ? 'udp6' : 'udp4')
    const tcp = createServer().listen(port, host)
    udp.bind(port, host)
    await Promise.all([once(udp, 'listening'), once(tcp, 'listening')])
    const server = new ScriptedServer(udp, tcp, host, script)
    owner.after(() => server.close())
    return server
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#udp.close()
    this.#tcp.close()
  }

  /** Says something to a client that it did not ask this server. */
  send(message: Buffer, port: number): void {
    this.#udp.send(message, port, this.endpoint.host)
  }

  /** Names and types in the order they were asked, as `name TYPE`. */
  asked(): string[] {
    return this.seen.map(
      ({ name, type }) => `${name} ${type === 28 ? 'AAAA' : type === 1 ? 'A' : type}`,
    )
  }

  /** Ports that queries came from. */
  ports(): Set<number> {
    return new Set(this.seen.map(({ port }) => port))
  }

  #answer(query: Buffer, protocol: 'udp' | 'tcp', port: number): readonly Buffer[] {
    const question = new Question()
    parseQuestion(query, query.length, question)
    const name = nameText(query, question)
    const { type } = question
    const before = this.seen.filter((one) => one.name === name && one.type === type).length
    const seen = { name, type, protocol, port, before, query: Buffer.from(query) }
    this.seen.push(seen)
    return this.#script(seen)
  }
}

/** An answer without records. @param flags beside QR, RD and RA */
export function answer(query: Buffer, rcode = 0, flags = 0): Buffer {
  const question = new Question()
  parseQuestion(query, query.length, question)
  const reply = Buffer.from(query.subarray(0, question.end))
  reply.writeUInt16BE(0x8180 | flags | rcode, 2)
  reply.fill(0, 6, 12)
  return reply
}

/** An answer with an address: 192.0.2.1 or 2001:db8::. */
export function address(query: Buffer): Buffer {
  const reply = answer(query)
  reply.writeUInt16BE(1, 6)
  const isV4 = reply.readUInt16BE(reply.length - 4) === 1
  const data = isV4
    ? Buffer.of(192, 0, 2, 1)
    : Buffer.concat([Buffer.of(0x20, 1, 0xd, 0xb8), Buffer.alloc(12)])
  const record = Buffer.alloc(12)
  record.writeUInt16BE(0xc00c, 0)
  record.writeUInt16BE(isV4 ? 1 : 28, 2)
  record.writeUInt16BE(1, 4)
  record.writeUInt32BE(30, 6)
  record.writeUInt16BE(data.length, 10)
  return Buffer.concat([reply, record, data])
}
