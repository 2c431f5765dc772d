import { type Socket, connect } from 'node:net'

import { AnswerReader, addressQuery } from './message.ts'
import type { Run, Sender } from './pace.ts'
import { LOST_AFTER_MS, Outcome } from './samples.ts'

const reader = new AnswerReader()

/** A connection for each query. */
export function tcpFresh(run: Run): Sender {
  const { samples } = run
  const open = new Set<Socket>()
  const sendOne = (now: number): void => {
    const index = samples.open(now)
    const socket = connect({ host: run.options.server, port: 53, noDelay: true })
    open.add(socket)
    socket.setTimeout(LOST_AFTER_MS, () => socket.destroy())
    socket.write(framed(run, index))
    readFrames(socket, () => {
      samples.close(index, reader.outcome, run.now(), reader.by, reader.ttl)
      socket.destroy()
    })
    socket.on('error', (error) => samples.close(index, outcomeOf(error), run.now()))
    socket.on('end', () => samples.close(index, Outcome.Closed, run.now()))
    socket.on('close', () => {
      open.delete(socket)
      samples.close(index, Outcome.Lost, run.now())
    })
  }
  return {
    send(count, now) {
      for (let i = 0; i < count; i++) sendOne(now)
    },
    close() {
      for (const socket of open) socket.destroy()
    },
  }
}

/** Long-lived connections, each with many queries in flight; who loses one opens another. */
export function tcpLong(run: Run): Sender {
  const { samples, options } = run
  const byId = new Int32Array(65_536).fill(-1)
  interface Connection {
    socket: Socket
    pending: Set<number>
  }
  let closing = false
  const dial = (): Connection => {
    const socket = connect({ host: options.server, port: 53, noDelay: true })
    const connection: Connection = { socket, pending: new Set() }
    let why: Outcome = Outcome.Closed
    readFrames(socket, () => {
      const index = byId[reader.id] ?? -1
      connection.pending.delete(index)
      if (index >= 0) samples.close(index, reader.outcome, run.now(), reader.by, reader.ttl)
    })
    socket.on('error', (error) => (why = outcomeOf(error)))
    socket.on('close', () => {
      if (closing) return
      const at = run.now()
      samples.connections.push({ at, what: EVENTS[why] ?? 'closed' })
      for (const index of connection.pending) samples.close(index, why, at)
      // A refusal comes back at once: without a pause this would spin.
      setTimeout(() => connections.splice(connections.indexOf(connection), 1, dial()), 1)
    })
    return connection
  }
  const connections: Connection[] = []
  for (let i = 0; i < options.connections; i++) connections.push(dial())
  return {
    send(count, now) {
      for (let i = 0; i < count; i++) {
        const index = samples.open(now)
        byId[index & 0xffff] = index
        const usable = connections.filter(({ socket }) => socket.writable)
        const connection = usable[index % usable.length]
        if (connection === undefined) {
          samples.close(index, Outcome.Closed, now)
          continue
        }
        connection.pending.add(index)
        connection.socket.write(framed(run, index))
      }
    },
    close() {
      closing = true
      for (const { socket } of connections) socket.destroy()
    },
  }
}

const EVENTS: { readonly [outcome: number]: 'reset' | 'refused' | 'unreachable' } = {
  [Outcome.Reset]: 'reset',
  [Outcome.Refused]: 'refused',
  [Outcome.Unreachable]: 'unreachable',
}

/** A query with its two octets of length (RFC 1035 §4.2.2). */
function framed({ options }: Run, index: number): Buffer {
  const query = addressQuery(options.name)
  query.writeUInt16BE(index & 0xffff, 0)
  const length = Buffer.alloc(2)
  length.writeUInt16BE(query.length)
  return Buffer.concat([length, query])
}

/** Reads each whole message into `reader`, then calls `each`. */
function readFrames(socket: Socket, each: () => void): void {
  let rest = Buffer.alloc(0)
  socket.on('data', (chunk) => {
    rest = Buffer.concat([rest, chunk])
    while (rest.length >= 2 && rest.length >= 2 + rest.readUInt16BE(0)) {
      const length = rest.readUInt16BE(0)
      reader.read(rest.subarray(2), length)
      rest = rest.subarray(2 + length)
      each()
    }
  })
}

function outcomeOf(error: Error): Outcome {
  switch ((error as NodeJS.ErrnoException).code) {
    case 'ECONNREFUSED':
      return Outcome.Refused
    case 'ENETUNREACH':
    case 'EHOSTUNREACH':
    case 'EADDRNOTAVAIL':
      return Outcome.Unreachable
    default:
      return Outcome.Reset
  }
}
