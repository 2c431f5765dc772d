import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'

import type { Owner } from '../helpers/processes.ts'
import { oddFrame, oddMessage, type Random } from './odd-messages.ts'
import { HOSTILE } from './victim.ts'

const CONNECTIONS = 48
const TICK_MS = 5
const A_TICK = { udp: 30, tcp: 60 }
/** Now and then a datagram of any length that there is. */
const LONGEST_DATAGRAM = 65_507

/** What was sent, and came back. */
export interface Sent {
  datagrams: number
  frames: number
  connections: number
  octetsBack: number
}

/** Sends odd messages over UDP and TCP until `end` (of performance.now()). */
export async function sendOddMessages(
  owner: Owner,
  port: number,
  random: Random,
  end: number,
): Promise<Sent> {
  const sent: Sent = { datagrams: 0, frames: 0, connections: 0, octetsBack: 0 }
  const udp = createSocket('udp4')
  udp.on('message', ({ length }) => (sent.octetsBack += length)).on('error', () => {})
  udp.bind(0, HOSTILE)
  await once(udp, 'listening')
  const sockets: (Socket | undefined)[] = new Array(CONNECTIONS).fill(undefined)
  let closed = false
  const close = (): void => {
    for (const socket of sockets) socket?.destroy()
    if (!closed) udp.close()
    closed = true
  }
  owner.after(close)
  while (performance.now() < end) {
    for (let i = 0; i < A_TICK.udp; i++, sent.datagrams++) {
      const isLong = random.below(2_000) === 0
      const datagram = isLong ? random.octets(random.below(LONGEST_DATAGRAM)) : oddMessage(random)
      udp.send(datagram, port, '127.0.0.1')
    }
    for (let i = 0; i < A_TICK.tcp; i++, sent.frames++) {
      const place = random.below(CONNECTIONS)
      let socket = sockets[place]
      if (socket === undefined || !socket.writable) socket = sockets[place] = open(port, sent)
      if (!misuse(socket, random)) sockets[place] = undefined
    }
    await delay(TICK_MS)
  }
  close()
  return sent
}

function open(port: number, sent: Sent): Socket {
  sent.connections++
  const socket = connect({ host: '127.0.0.1', port, localAddress: HOSTILE })
  socket.on('error', () => {}).on('data', ({ length }) => (sent.octetsBack += length))
  return socket
}

/**
 * Writes a frame, or its beginning; reads no more; or goes, politely or not. False where it is not to be used again: of
 * one that is to be reset once it is connected, and told to end meanwhile, Node.js loses the handle, and its process
 * never ends.
 */
function misuse(socket: Socket, random: Random): boolean {
  // Beyond what the daemon takes of it, this process has no memory to fill either.
  if (socket.writableLength < 2 ** 20) socket.write(oddFrame(random))
  const what = random.below(200)
  if (what === 0) socket.pause()
  else if (what === 1) socket.end()
  else if (what === 2) socket.destroy()
  else if (what === 3) socket.resetAndDestroy()
  return what !== 3
}
