import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { createServer } from 'node:net'

/**
 * Ports that are handed out, below those that the kernel gives to whoever asks for any: one of those is gone
 * again, every now and then, before a program that a test starts has bound it.
 */
const [FIRST, LAST] = [10_000, 30_000]

/**
 * A port of `address` free for UDP and TCP. For programs that cannot bind port 0 themselves. While this
 * process lives, no other test of this machine gets it.
 */
export async function freePort(address = '127.0.0.1'): Promise<number> {
  for (let attempt = 0; attempt < 200; attempt++) {
    const port = FIRST + Math.floor(Math.random() * (LAST - FIRST))
    if ((await claim(port)) && (await isFree(port, address))) return port
  }
  throw new Error(`Cannot find a port free for UDP and TCP on ${address}`)
}

/** Abstract sockets are of a network namespace, as ports are, and gone with the process. */
async function claim(port: number): Promise<boolean> {
  const claimed = createServer().listen(`\0dnslet-test-port-${port}`)
  try {
    await once(claimed, 'listening')
    claimed.unref()
    return true
  } catch {
    return false
  }
}

async function isFree(port: number, address: string): Promise<boolean> {
  const tcp = createServer()
  const udp = createSocket(address.includes(':') ? 'udp6' : 'udp4')
  try {
    await once(tcp.listen(port, address), 'listening')
    udp.bind(port, address)
    await once(udp, 'listening')
    return true
  } catch {
    return false
  } finally {
    udp.close()
    if (tcp.listening) await once(tcp.close(), 'close')
  }
}
