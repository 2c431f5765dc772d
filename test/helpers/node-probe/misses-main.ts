// Asks for names that no cache knows, at a fixed rate, over UDP: `node misses-main.ts SERVER RATE SECONDS LABEL FILE`.
// Writes a sample for each into the file, as JSON: when it was sent (monotonic milliseconds), how long its answer took and the
// number of the kube-dns pod that gave it; −1 and −1 where there was none, or an error.
import { createSocket } from 'node:dgram'
import { writeFileSync } from 'node:fs'

import { addressQuery } from './message.ts'
import { monotonic } from './monotonic.ts'

/** dnslet answers after 4.4 s, if need be with SERVFAIL. */
const PATIENCE_MS = 5_000

const [server = '', rate = '0', seconds = '0', label = '', file = ''] = process.argv.slice(2)
const count = Number(rate) * Number(seconds)
const samples: [sentAt: number, took: number, pod: number][] = []

const socket = createSocket('udp4')
socket.on('error', () => {})
socket.on('message', (reply) => {
  const sample = samples[reply.readUInt16BE(0)]
  const isAddress = (reply[3]! & 15) === 0 && reply.readUInt16BE(6) > 0
  if (sample === undefined || !isAddress) return
  sample[1] = monotonic() - sample[0]
  // A pod answers 198.51.100.NUMBER; what the pods' servers do not compress has the address at its end too.
  sample[2] = addressIn(reply).at(-1)!
})
socket.connect(53, server, () => {
  const start = monotonic()
  const timer = setInterval(() => {
    const due = Math.min(((monotonic() - start) * Number(rate)) / 1000, count)
    while (samples.length < due) {
      const query = addressQuery(`m${samples.length}-${label}.who.cluster.local`)
      query.writeUInt16BE(samples.length, 0)
      samples.push([monotonic(), -1, -1])
      socket.send(query)
    }
    if (samples.length < count) return
    clearInterval(timer)
    setTimeout(() => {
      writeFileSync(file, JSON.stringify(samples))
      socket.close()
    }, PATIENCE_MS)
  }, 2)
})

/** Octets of the first record's address. */
function addressIn(reply: Buffer): Buffer {
  const at = reply.indexOf(Buffer.from([198, 51, 100]))
  return reply.subarray(at, at + 4)
}
