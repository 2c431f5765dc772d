import { answer } from './answer.ts'
import { InOrderServer } from './in-order-server.ts'

/**
 * Opens the demo's authoritative server in place of kube-dns, on 127.0.0.1 and a port the kernel
 * chooses. It has the manners of CoreDNS, see `InOrderServer`.
 */
export function startStandIn(): Promise<InOrderServer> {
  return InOrderServer.open(answer)
}
