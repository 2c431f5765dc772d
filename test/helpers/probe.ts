import { createSocket } from 'node:dgram'
import { once } from 'node:events'

import dns from 'dns2'

/** True when a server answers a UDP question about `name` with anything, within a second. */
export async function answers(address: string, port: number, name: string): Promise<boolean> {
  const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4')
  const query = new dns.Packet(new dns.Packet.Question(name, dns.Packet.TYPE.SOA, 1))
  try {
    socket.connect(port, address)
    await once(socket, 'connect')
    // Connected with itself, as may happen while nobody has the port, it would hear its own question.
    if (socket.address().port === port) return false
    socket.send(query.toBuffer())
    await once(socket, 'message', { signal: AbortSignal.timeout(1_000) })
    return true
  } catch {
    // No answer in time, or nobody listens there yet.
    return false
  } finally {
    socket.close()
  }
}
