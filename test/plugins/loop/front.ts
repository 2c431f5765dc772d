import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { createServer, type Server as TcpServer, type Socket as Connection } from 'node:net'
import type { Handler, Stage } from '../../../src/serve/plugin.ts'
import { Outcome, Protocol, Query, type ReplyTarget } from '../../../src/serve/query.ts'
import { Server } from '../../../src/serve/server.ts'
import { writeCount, writeFlags, writeId, Section, readId } from '../../../src/wire/header.ts'
import { freePort } from '../../helpers/ports.ts'
import type { Owner } from '../../helpers/processes.ts'

/** A DNS server on a port of its own over UDP and TCP, with one handler for all queries. */
export class Front {
  readonly port: number
  handler: Handler = () => {}
  readonly #udp: Socket = createSocket('udp4')
  readonly #tcp: TcpServer
  readonly #server: Server

  static async open(owner: Owner): Promise<Front> {
    const front = new Front(await freePort())
    front.#udp.bind(front.port, '127.0.0.1')
    front.#tcp.listen(front.port, '127.0.0.1')
    await Promise.all([once(front.#udp, 'listening'), once(front.#tcp, 'listening')])
    owner.after(() => {
      front.#udp.close()
      front.#tcp.close()
    })
    return front
  }

  private constructor(port: number) {
    this.port = port
    this.#server = new Server({
      identity: { name: `dns://127.0.0.1:${port}`, index: 0 },
      zones: new Map([['.', { handler: (q) => this.handler(q) }]]),
      allClasses: true,
      rejected: () => {},
      panicked: (cause) => {
        throw cause
      },
    })
    this.#udp.on('message', (message, rinfo) => {
      const q = new Query(
        new Target(Protocol.Udp, port, rinfo.port, (reply) =>
          this.#udp.send(reply, rinfo.port, rinfo.address),
        ),
      )
      this.#serve(q, message)
    })
    this.#tcp = createServer((connection) => this.#accept(connection))
  }

  #accept(connection: Connection): void {
    connection.on('error', () => connection.destroy())
    // Everything is read, so that the client's end is seen.
    connection.on('data', (frame) => {
      const q = new Query(
        new Target(Protocol.Tcp, this.port, connection.remotePort!, (reply) => {
          connection.end(Buffer.concat([Buffer.from([reply.length >> 8, reply.length]), reply]))
        }),
      )
      this.#serve(q, frame.subarray(2))
    })
  }

  #serve(q: Query, message: Buffer): void {
    q.reset(message, message.length, 0)
    this.#server.dispatch(q)
  }
}

class Target implements ReplyTarget {
  readonly protocol: Protocol
  readonly maxSize: number = 65_535
  readonly localAddress: string = '127.0.0.1'
  readonly localPort: number
  readonly #clientPort: number
  readonly #reply: (reply: Buffer) => void

  constructor(protocol: Protocol, port: number, client: number, reply: (reply: Buffer) => void) {
    this.protocol = protocol
    this.localPort = port
    this.#clientPort = client
    this.#reply = reply
  }

  reserve(): Buffer {
    return Buffer.alloc(65_535)
  }

  send(q: Query, length: number): void {
    this.#reply(Buffer.from(q.out.subarray(0, length)))
  }

  drop(): void {}

  remoteAddress(): string {
    return '127.0.0.1'
  }

  remotePort(): number {
    return this.#clientPort
  }

  isIPv6(): boolean {
    return false
  }
}

/** The last stage of a block: sends each query on to `port` of 127.0.0.1 over UDP. */
export function forwardTo(owner: Owner, port: number): Stage {
  const socket = createSocket('udp4').unref()
  const waiting = new Map<number, Query>()
  let done: Handler = () => {}
  let lastId = 0
  owner.after(() => void socket.close())
  socket.on('message', (reply) => {
    const q = waiting.get(readId(reply))
    if (q === undefined) return
    waiting.delete(readId(reply))
    reply.copy(q.reserve())
    q.outLength = reply.length
    q.outcome = Outcome.Message
    done(q)
  })
  return {
    wrap(_next, below): Handler {
      done = below
      return (q) => {
        const kept = q.keep()
        const query = Buffer.from(kept.wire.subarray(0, kept.question.end))
        writeId(query, ++lastId)
        writeFlags(query, kept.flags)
        for (const section of [Section.Answer, Section.Authority, Section.Additional]) {
          writeCount(query, section, 0)
        }
        waiting.set(lastId, kept)
        socket.send(query, port, '127.0.0.1')
      }
    },
  }
}
