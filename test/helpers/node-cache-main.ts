// `node node-cache-main.ts address...`: serves port 53 there as node-cache does, with SO_REUSEPORT,
// over UDP and TCP, and /health on port 8080 of the first address. Every name has a TXT record "node-cache".
import { createSocket } from 'node:dgram'
import { createServer as createHttpServer } from 'node:http'
import { createServer } from 'node:net'

/** Behind the question, which it refers to: TXT, IN, TTL 30. */
const answer = Buffer.from('c00c001000010000001e000b0a6e6f64652d6361636865', 'hex')

function reply(query: Buffer): Buffer {
  if (query.length < 17) {
    // CoreDNS: NOTIMP to opcode STATUS.
    const message = Buffer.from(query)
    message.writeUInt16BE(0x9004, 2)
    return message
  }
  let end = 12
  while (query[end] !== 0) end += query[end]! + 1
  const message = Buffer.concat([query.subarray(0, end + 5), answer])
  message.writeUInt16BE(0x8580, 2)
  message.fill(0, 6, 12)
  message[7] = 1
  return message
}

const [first = '', ...others] = process.argv.slice(2)
const health = createHttpServer((_, response) => response.end('OK'))
health.listen({ port: 8080, host: first, reusePort: true })

for (const address of [first, ...others]) {
  const udp = createSocket({ type: 'udp4', reusePort: true })
  udp.on('message', (query, from) => udp.send(reply(query), from.port, from.address))
  udp.bind(53, address)
  const tcp = createServer((socket) => {
    socket
      .on('error', () => {})
      .on('data', (framed) => {
        const message = reply(framed.subarray(2))
        const length = Buffer.alloc(2)
        length.writeUInt16BE(message.length)
        socket.write(Buffer.concat([length, message]))
      })
  })
  tcp.listen({ port: 53, host: address, reusePort: true })
}
