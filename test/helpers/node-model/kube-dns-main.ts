// What clients over TCP see of a kube-dns pod: `node kube-dns-main.ts PORT ADDRESS…` answers there as CoreDNS
// does, with what the nsd on port 53 of the same address says.
import { openKubeDns } from '../kube-dns.ts'

const [port = '0', ...addresses] = process.argv.slice(2)

for (const address of addresses) {
  await openKubeDns({ address, port: 53 }, { address, port: Number(port) })
}
