import { type InOrderOptions, InOrderServer } from '../../src/commands/demo/in-order-server.ts'
import { anyName } from './any-name.ts'
import { freePort } from './ports.ts'
import type { Owner } from './processes.ts'

/**
 * Starts a server for which every name has the address 192.0.2.1 for 30 s, and which serves as
 * CoreDNS does: one query after the other on a TCP connection. A label `ms100` of a name has it
 * answered after 100 ms. It ends with its owner; `counts` says what it saw.
 */
export async function startInOrderServer(
  owner: Owner,
  options: InOrderOptions = {},
): Promise<InOrderServer> {
  const server = await InOrderServer.open(anyName, { port: await freePort(), ...options })
  let stopped: Promise<void> | null = null
  owner.after(() => (stopped ??= server.stop()))
  return server
}
