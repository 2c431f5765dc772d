import { isIPv6 } from 'node:net'

import dns, { type Resource } from 'dns2'

import { InOrderServer } from '../../../src/commands/demo/in-order-server.ts'
import { ip } from '../own-network.ts'
import type { Owner } from '../processes.ts'

/**
 * Gives this network these addresses, and a name server on port 53 of each, with the manners of CoreDNS.
 * Its answers tell who gave them: in TXT its address and the transport; as A or AAAA its address, where
 * it is of that family. There are no other records.
 */
export async function startStandIns(owner: Owner, addresses: readonly string[]): Promise<void> {
  const { A, AAAA, TXT } = dns.Packet.TYPE
  for (const address of addresses) {
    const type = isIPv6(address) ? AAAA : A
    ip(`address add ${address} dev lo${isIPv6(address) ? ' nodad' : ''}`)
    const reply = (query: Buffer, transport: string): Buffer => {
      const packet = dns.Packet.createResponseFromRequest(dns.Packet.parse(query))
      const [question] = packet.questions
      const record = { name: question!.name, type: question!.type, class: 1, ttl: 60 }
      if (record.type === TXT)
        packet.answers.push({ ...record, data: `${address} ${transport}` } as Resource)
      if (record.type === type) packet.answers.push({ ...record, address } as Resource)
      return packet.toBuffer()
    }
    const server = await InOrderServer.open(
      (query, transport) => Promise.resolve(reply(query, transport)),
      { address, port: 53 },
    )
    owner.after(() => server.stop())
  }
}
