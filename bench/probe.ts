import { createSocket } from 'node:dgram'
import { once } from 'node:events'

/** Asked of a starting server: it can answer only once it reaches nsd. */
const PROBE_NAME = 'ready.bench.test'

/** Between two queries: the resolution of a start time, in milliseconds. */
const INTERVAL_MS = 1

/** Throws Error when something already listens on the UDP port of 127.0.0.1. */
export async function claimPort(port: number): Promise<void> {
  const socket = createSocket('udp4')
  try {
    await once(socket.bind(port, '127.0.0.1'), 'listening')
  } catch (error) {
    throw new Error(`Cannot use port ${port}: ${(error as NodeJS.ErrnoException).code}`)
  } finally {
    socket.close()
  }
}

/**
 * Asks the server on 127.0.0.1:`port` every millisecond and resolves at its first answer. Rejects
 * when `signal` aborts. A SERVFAIL is no answer: the server has to reach nsd.
 */
export async function firstAnswer(port: number, signal: AbortSignal): Promise<void> {
  // Unconnected: a port that is still closed is no error, the next query may find it open.
  const socket = createSocket('udp4')
  let id = 0
  const timer = setInterval(() => {
    id = (id + 1) & 0xffff
    socket.send(probeQuery(id), port, '127.0.0.1')
  }, INTERVAL_MS)
  try {
    for (;;) {
      const [message] = (await once(socket, 'message', { signal })) as [Buffer]
      if (isAnswer(message)) return
    }
  } finally {
    clearInterval(timer)
    socket.close()
  }
}

/** An A query for PROBE_NAME with RD (RFC 1035, section 4.1). */
export function probeQuery(id: number): Buffer {
  const header = Buffer.from([id >> 8, id & 255, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0])
  const labels = PROBE_NAME.split('.').map((label) => {
    return Buffer.concat([Buffer.of(label.length), Buffer.from(label)])
  })
  return Buffer.concat([header, ...labels, Buffer.of(0, 0, 1, 0, 1)])
}

/** True for a NOERROR response with at least one answer. */
export function isAnswer(message: Buffer): boolean {
  if (message.length < 12) return false
  const isResponse = message.readUInt8(2) >> 7 === 1
  const rcode = message.readUInt8(3) & 15
  return isResponse && rcode === 0 && message.readUInt16BE(6) > 0
}
