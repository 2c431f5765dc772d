import dns from 'dns2'

import { InOrderServer, type InOrderOptions } from '../../src/commands/demo/in-order-server.ts'
import { writeReply } from '../../src/commands/demo/manners.ts'
import { TcpClient } from './tcp-client.ts'
import { startNsd } from './nsd.ts'
import { freePort } from './ports.ts'
import type { Owner } from './processes.ts'

/** A kube-dns for tests, as clients see it. */
export interface KubeDns {
  readonly server: InOrderServer
  stop(): Promise<void>
}

/**
 * Opens a server with the manners of CoreDNS in front of an nsd, which has the zones: one query after the
 * other on a TCP connection, names in full, addresses in random order, idle connections closed.
 */
export async function openKubeDns(
  nsd: { readonly address: string; readonly port: number },
  options: InOrderOptions = {},
): Promise<KubeDns> {
  const client = new TcpClient(nsd.address, nsd.port)
  const server = await InOrderServer.open(async (query, transport) => {
    const reply = await client.ask(withoutOpt(query))
    if (reply === null) return null
    return writeReply(dns.Packet.parse(query), dns.Packet.parse(reply), transport)
  }, options)
  return {
    server,
    async stop(): Promise<void> {
      await server.stop()
      client.close()
    },
  }
}

/** Starts nsd with these zones, and in front of it what clients of this kube-dns get to see. */
export async function startKubeDns(
  owner: Owner,
  zones: Readonly<Record<string, string>>,
  address = '127.0.0.1',
  port?: number,
): Promise<{ readonly address: string; readonly port: number; stop(): Promise<void> }> {
  const nsd = await startNsd(owner, zones, address)
  const kubeDns = await openKubeDns(nsd, { address, port: port ?? (await freePort(address)) })
  let stopped: Promise<void> | null = null
  const stop = (): Promise<void> => (stopped ??= kubeDns.stop().then(() => nsd.stop()))
  owner.after(stop)
  return { address, port: kubeDns.server.port, stop }
}

/** EDNS is a matter between two neighbours: the one in front has its own. */
function withoutOpt(query: Buffer): Buffer {
  const packet = dns.Packet.parse(query)
  packet.additionals = []
  return packet.toBuffer()
}
