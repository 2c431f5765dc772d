// A name server that takes its time: `node slow-main.ts ADDRESS NUMBER DELAY`. It answers every
// question on port 53, UDP and TCP, after DELAY milliseconds, as kube-dns pod NUMBER of the model.
import { createSocket } from 'node:dgram'
import { createServer } from 'node:net'

const [address = '', number = '0', delay = '0'] = process.argv.slice(2)

const udp = createSocket('udp4')
udp.on('message', (query, from) => {
  setTimeout(() => udp.send(answer(query), from.port, from.address), Number(delay))
})
udp.bind(53, address)

const tcp = createServer({ noDelay: true }, (socket) => {
  let rest = Buffer.alloc(0)
  socket.on('error', () => socket.destroy())
  socket.on('data', (chunk) => {
    rest = Buffer.concat([rest, chunk])
    while (rest.length >= 2 && rest.length >= 2 + rest.readUInt16BE(0)) {
      const query = rest.subarray(2, 2 + rest.readUInt16BE(0))
      rest = rest.subarray(2 + query.length)
      setTimeout(() => {
        const message = answer(query)
        const length = Buffer.alloc(2)
        length.writeUInt16BE(message.length)
        if (socket.writable) socket.write(Buffer.concat([length, message]))
      }, Number(delay))
    }
  })
})
tcp.listen(53, address)

/** The question again, and a record of its type: A, AAAA or else TXT. No EDNS. */
function answer(query: Buffer): Buffer {
  let end = 12
  while (query[end] !== 0) end += 1 + query[end]!
  const question = query.subarray(12, end + 5)
  const type = question.readUInt16BE(question.length - 4)
  const data = dataOf(type)
  const record = Buffer.alloc(12)
  record.writeUInt16BE(0xc00c, 0)
  record.writeUInt16BE(type, 2)
  record.writeUInt16BE(1, 4)
  record.writeUInt32BE(3600, 6)
  record.writeUInt16BE(data.length, 10)
  // QR, AA and RD; one question, one answer.
  const header = Buffer.from([query[0]!, query[1]!, 0x85, 0, 0, 1, 0, 1, 0, 0, 0, 0])
  return Buffer.concat([header, question, record, data])
}

function dataOf(type: number): Buffer {
  if (type === 1) return Buffer.of(198, 51, 100, Number(number))
  if (type === 28) return Buffer.concat([Buffer.of(0x20, 0x01, 0x0d, 0xb8), Buffer.alloc(12)])
  const text = `kube-dns-${number}`
  return Buffer.concat([Buffer.of(text.length), Buffer.from(text)])
}
