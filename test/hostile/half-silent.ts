import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'

import { freePort } from '../helpers/ports.ts'
import type { Owner } from '../helpers/processes.ts'

/** An upstream that answers names under `good.test`, and keeps silent about all others. */
export interface HalfSilent {
  readonly port: number
  /** Queries it got for names it is silent about. */
  silent: number
  good: number
}

const GOOD = Buffer.from('\x04good\x04test\0', 'latin1')

/** Starts it on one port for UDP and TCP; ends with its owner. */
export async function startHalfSilent(owner: Owner): Promise<HalfSilent> {
  const port = await freePort()
  const state = { port, silent: 0, good: 0 }
  const answer = (query: Buffer): Buffer | null => {
    if (query[12] !== 0 && !query.includes(GOOD)) {
      state.silent++
      return null
    }
    state.good++
    return reply(query)
  }
  const udp = createSocket({ type: 'udp4', recvBufferSize: 4 << 20 })
  udp.on('message', (query, { port: to, address }) => {
    const said = answer(query)
    if (said !== null) udp.send(said, to, address)
  })
  udp.bind(port, '127.0.0.1')
  await once(udp, 'listening')
  const sockets = new Set<Socket>()
  const tcp = createServer((socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    socket.on('error', () => {})
    let rest = Buffer.alloc(0)
    socket.on('data', (chunk) => {
      rest = Buffer.concat([rest, chunk])
      while (rest.length >= 2 && rest.length >= 2 + rest.readUInt16BE(0)) {
        const end = 2 + rest.readUInt16BE(0)
        const said = answer(rest.subarray(2, end))
        rest = rest.subarray(end)
        if (said === null) continue
        const size = Buffer.alloc(2)
        size.writeUInt16BE(said.length)
        socket.write(Buffer.concat([size, said]))
      }
    })
  })
  tcp.listen(port, '127.0.0.1')
  await once(tcp, 'listening')
  owner.after(() => {
    udp.close()
    tcp.close()
    for (const socket of sockets) socket.destroy()
  })
  return state
}

function reply(query: Buffer): Buffer {
  let end = 12
  while (query[end] !== 0) end += query[end]! + 1
  const record = Buffer.from('c00c00010001000000780004c0000201', 'hex')
  const out = Buffer.concat([query.subarray(0, end + 5), record])
  out.writeUInt16BE(0x8180, 2)
  out.writeUInt16BE(1, 6)
  out.writeUInt16BE(0, 8)
  out.writeUInt16BE(0, 10)
  return out
}
