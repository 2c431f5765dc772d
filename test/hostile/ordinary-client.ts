import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'

import { message } from '../wire/message.ts'

/** What became of a client's queries. */
export interface Fate {
  readonly asked: number
  /** Without any reply within 5 s. */
  readonly lost: number
  /** Replies that are no answer. */
  readonly failed: number
  /** Milliseconds. */
  readonly p50: number
  readonly p99: number
}

const PATIENCE_MS = 5_000

/**
 * A client beside an attack: asks for names nobody has asked for (`o<n>.good.test`), one each `everyMs`
 * milliseconds, as long as `forMs`. Its retries do not count: it has none.
 */
export async function askOrdinarily(
  port: number,
  { everyMs = 20, forMs, from = '127.0.0.77' }: { everyMs?: number; forMs: number; from?: string },
): Promise<Fate> {
  const socket = createSocket('udp4')
  socket.bind(0, from)
  await once(socket, 'listening')
  const askedAt = new Map<number, number>()
  const times: number[] = []
  let failed = 0
  socket.on('message', (reply) => {
    const at = askedAt.get(reply.readUInt16BE(0))
    askedAt.delete(reply.readUInt16BE(0))
    if (at === undefined) return
    if ((reply[3]! & 15) === 0) times.push(performance.now() - at)
    else failed++
  })
  const until = performance.now() + forMs
  let id = 0
  while (performance.now() < until) {
    id++
    askedAt.set(id, performance.now())
    socket.send(message({ id, name: `o${id}.good.test`, flags: 0x0100 }), port, '127.0.0.1')
    await delay(everyMs)
  }
  const giveUp = performance.now() + PATIENCE_MS
  while (askedAt.size > 0 && performance.now() < giveUp) await delay(50)
  socket.close()
  times.sort((a, b) => a - b)
  const at = (share: number): number => times[Math.floor(share * (times.length - 1))] ?? Infinity
  return { asked: id, lost: askedAt.size, failed, p50: at(0.5), p99: at(0.99) }
}
