import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'

import { write16 } from '../../src/wire/bytes.ts'
import { HEADER_SIZE, readId } from '../../src/wire/header.ts'
import { eventually } from '../helpers/eventually.ts'
import { freePort } from '../helpers/ports.ts'
import type { Owner } from '../helpers/processes.ts'
import { questionOf } from '../wire/message.ts'

export { eventually } from '../helpers/eventually.ts'

/** A query as it reached a scripted upstream. */
export interface Asked {
  readonly over: 'udp' | 'tcp'
  readonly wire: Buffer
  readonly id: number
  /** Source port: tells connections apart. */
  readonly port: number
  /** Sends a message, framed as the transport wants it. */
  readonly reply: (message: Buffer) => void
  /** The connection, to misuse; null over UDP. */
  readonly socket: Socket | null
}

export type Script = (asked: Asked, n: number) => void

export interface Scripted {
  readonly port: number
  readonly asked: readonly Asked[]
  /** TCP connections accepted so far. */
  readonly accepted: number
  /** TCP connections open now. */
  readonly open: number
  script: Script
  /** Resolves once `count` queries have come in. */
  waitFor(count: number): Promise<void>
  close(): Promise<void>
}

/**
 * An upstream that does wrong on purpose, on one port for UDP and TCP; closed by its owner's end. It
 * closes connections at once where `most` are open.
 */
export async function startScripted(
  owner: Owner,
  script: Script,
  port: number = 0,
  most: number = Infinity,
): Promise<Scripted> {
  const asked: Asked[] = []
  const sockets = new Set<Socket>()
  let accepted = 0
  const take = (one: Asked): void => {
    asked.push(one)
    upstream.script(one, asked.length)
  }
  const tcp = createServer((socket) => {
    accepted++
    if (sockets.size >= most) {
      socket.destroy()
      return
    }
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    socket.on('error', () => {})
    serve(socket, take)
  })
  const bound = port === 0 ? await freePort() : port
  tcp.listen(bound, '127.0.0.1')
  await once(tcp, 'listening')
  const udp = createSocket('udp4')
  let closed = false
  const close = async (): Promise<void> => {
    if (closed) return
    closed = true
    for (const socket of sockets) socket.destroy()
    udp.close()
    tcp.close()
    await once(tcp, 'close')
  }
  owner.after(close)
  udp.on('message', (wire, { address, port: from }) => {
    const reply = (message: Buffer): void => udp.send(message, from, address)
    take({ over: 'udp', wire, id: readId(wire), port: from, reply, socket: null })
  })
  udp.bind(bound, '127.0.0.1')
  await once(udp, 'listening')
  const upstream: Scripted = {
    port: bound,
    asked,
    script,
    close,
    get accepted() {
      return accepted
    },
    get open() {
      return sockets.size
    },
    waitFor: (count) => eventually(() => asked.length >= count, `${count} queries`),
  }
  return upstream
}

/** Reads the queries of a stream. */
export function serve(socket: Socket, take: (one: Asked) => void): void {
  let received = Buffer.alloc(0)
  socket.on('data', (chunk) => {
    received = Buffer.concat([received, chunk])
    while (received.length >= 2 && received.length >= 2 + received.readUInt16BE(0)) {
      const end = 2 + received.readUInt16BE(0)
      const wire = Buffer.from(received.subarray(2, end))
      received = received.subarray(end)
      const reply = (message: Buffer): void => void socket.write(framed(message))
      take({ over: 'tcp', wire, id: readId(wire), port: socket.remotePort!, reply, socket })
    }
  })
}

/** A message with its length in front. */
export function framed(message: Buffer): Buffer {
  const frame = Buffer.alloc(2 + message.length)
  frame.writeUInt16BE(message.length)
  message.copy(frame, 2)
  return frame
}

/**
 * A reply to `query`: its id and question, `flags`, and one A record of `ttl` seconds unless
 * `records` says 0.
 */
export function answerTo(query: Buffer, flags = 0x8180, records = 1): Buffer {
  const { end } = questionOf(query)
  const out = Buffer.alloc(end + 16 * records)
  query.copy(out, 0, 0, end)
  write16(out, 2, flags)
  write16(out, 4, 1)
  write16(out, 6, records)
  write16(out, 8, 0)
  write16(out, 10, 0)
  for (let i = 0; i < records; i++) {
    Buffer.from([0xc0, HEADER_SIZE, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, 1 + i]).copy(
      out,
      end + 16 * i,
    )
  }
  return out
}

/** A message without records behind its answers, and an OPT record of a server that knows EDNS. */
export function withOpt(reply: Buffer): Buffer {
  const out = Buffer.concat([reply, Buffer.from([0, 0, 41, 0x04, 0xd0, 0, 0, 0, 0, 0, 0])])
  write16(out, 10, 1)
  return out
}

/** Whether a query carries an OPT record, and whether that has DO. */
export function hasOpt(query: Buffer): boolean {
  return query.readUInt16BE(10) === 1
}

export function hasDnssecOk(query: Buffer): boolean {
  return hasOpt(query) && (query[questionOf(query).end + 7]! & 0x80) !== 0
}

/** Answers everything at once. */
export const honest: Script = ({ wire, reply }) => reply(answerTo(wire))

/** Never answers. */
export const silent: Script = () => {}

/** The message itself, for another query. */
export function withAnotherId(message: Buffer): Buffer {
  message[0]! ^= 0xff
  return message
}
