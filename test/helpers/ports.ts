import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { createServer } from 'node:net'

/**
 * A port of `address` free for UDP and TCP, chosen by the kernel. For programs that cannot bind
 * port 0 themselves; another program may take it before they do.
 */
export async function freePort(address = '127.0.0.1'): Promise<number> {
  for (let attempt = 0; attempt < 20; attempt++) {
    const tcp = createServer().listen(0, address)
    await once(tcp, 'listening')
    const bound = tcp.address()
    const port = bound !== null && typeof bound === 'object' ? bound.port : 0
    const free = await isUdpFree(port, address)
    tcp.close()
    await once(tcp, 'close')
    if (free) return port
  }
  throw new Error(`Cannot find a port free for UDP and TCP on ${address}`)
}

async function isUdpFree(port: number, address: string): Promise<boolean> {
  const udp = createSocket(address.includes(':') ? 'udp6' : 'udp4')
  try {
    udp.bind(port, address)
    await once(udp, 'listening')
    return true
  } catch {
    return false
  } finally {
    udp.close()
  }
}
