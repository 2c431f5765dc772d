import { connect } from 'node:net'
import type { Endpoint } from '../../../lib/address.ts'
import { connectOptions } from '../../../upstream/address.ts'
import { Type } from '../../../wire/codes.ts'
import { framed, LENGTH_SIZE } from '../../../wire/frame.ts'
import { HEADER_SIZE, readId } from '../../../wire/header.ts'
import type { Burst } from '../facts.ts'
import { makeEdnsQuery, PATIENCE_MS } from './probe-server.ts'

/** Queries at once on one connection. */
const SIZE = 16
/** Octets of what is read at most: a server that sends more is not answering. */
const MAX_READ = SIZE * 65_537

/**
 * Writes several queries into one TCP connection, as dnslet does on a miss after another, and looks in
 * which order they are answered, and how many before the server ends the connection. A and AAAA of the name
 * take turns. Never rejects.
 */
export function askBurst({ host, port }: Endpoint, name: string): Promise<Burst> {
  const queries = Array.from({ length: SIZE }, (_, i) => {
    const query = makeEdnsQuery({ name, type: i % 2 === 0 ? Type.A : Type.AAAA, recurse: true })
    // Ids that follow each other tell the order.
    query.writeUInt16BE(i + 1)
    return query
  })
  const begin = performance.now()
  const order: number[] = []
  return new Promise((resolve) => {
    const socket = connect(connectOptions({ host, port }, null))
    let received = Buffer.alloc(0)
    let total = 0
    let last = begin
    const end = (): void => {
      clearTimeout(timer)
      socket.destroy()
      const overtaken = order.some((id, i) => i > 0 && id < order[i - 1]!)
      resolve({ sent: SIZE, answered: order.length, overtaken, ms: round(last - begin) })
    }
    const timer = setTimeout(end, PATIENCE_MS)
    socket.on('error', end).on('close', end)
    socket.on('data', (chunk: Buffer) => {
      received = Buffer.concat([received, chunk])
      total += chunk.length
      const { ids, rest } = takeReplies(received)
      received = rest
      last = performance.now()
      for (const id of ids) if (id >= 1 && id <= SIZE && !order.includes(id)) order.push(id)
      if (order.length === SIZE || total > MAX_READ) end()
    })
    socket.write(Buffer.concat(queries.map(framed)))
  })
}

/** The ids of the whole messages in a stream, and what is left of it. */
export function takeReplies(stream: Buffer): {
  readonly ids: number[]
  readonly rest: Buffer<ArrayBuffer>
} {
  const ids: number[] = []
  let at = 0
  while (at + LENGTH_SIZE <= stream.length) {
    const length = stream.readUInt16BE(at)
    const next = at + LENGTH_SIZE + length
    if (next > stream.length) break
    if (length >= HEADER_SIZE) ids.push(readId(stream.subarray(at + LENGTH_SIZE, next)))
    at = next
  }
  return { ids, rest: Buffer.from(stream.subarray(at)) }
}

function round(ms: number): number {
  return Math.round(10 * ms) / 10
}
