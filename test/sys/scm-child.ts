// Run by scm.test.ts in a process of its own: connects to the unix socket it is told of, receives
// descriptors, and answers one datagram on the first of them, a UDP socket.
import { createSocket } from 'node:dgram'
import { setTimeout as delay } from 'node:timers/promises'

import { libc } from '../../src/sys/libc.ts'
import { connectUnix, receiveWithDescriptors } from '../../src/sys/scm.ts'

const [path = '', wanted = '0'] = process.argv.slice(2)
const library = libc().libc!
const fd = connectUnix(library, path)
const descriptors: number[] = []
let octets = 0
while (descriptors.length < Number(wanted)) {
  const received = receiveWithDescriptors(library, fd, descriptors)
  if (received?.length === 0) throw new Error('connection closed')
  octets += received?.length ?? 0
  if (received === null) await delay(1)
}
const socket = createSocket('udp4')
socket.on('message', (message, { port, address }) => {
  const reply = `${message.toString()} ${descriptors.length} ${octets} ${process.pid}`
  socket.send(reply, port, address, () => socket.close())
})
socket.bind({ fd: descriptors[0]! })
