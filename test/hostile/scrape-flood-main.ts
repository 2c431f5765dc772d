// Scrapes /metrics of 127.0.0.1 at a rate, each on a connection of its own, whatever comes back:
// node scrape-flood-main.ts PORT RATE MILLISECONDS
import { connect } from 'node:net'

const [port, rate, length] = process.argv.slice(2).map(Number) as [number, number, number]
const began = performance.now()
let sent = 0

const timer = setInterval(() => {
  const passed = performance.now() - began
  if (passed > length) {
    clearInterval(timer)
    process.exit()
  }
  for (; sent < (passed * rate) / 1000; sent++) {
    const socket = connect({ host: '127.0.0.1', port, localAddress: '127.0.0.2' })
    socket.on('error', () => {})
    socket.on('data', () => {})
    socket.end('GET /metrics HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
  }
}, 5)
