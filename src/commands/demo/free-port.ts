import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'

/** `port` where nothing listens on it at `address`, else one the kernel chooses. TCP. */
export async function freePort(address: string, port: number): Promise<number> {
  const server = createServer()
  try {
    await once(server.listen(port, address), 'listening')
  } catch (error) {
    if (port === 0) throw error
    return freePort(address, 0)
  }
  const { port: chosen } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return chosen
}
