// A probe in a process of its own, inside a namespace: `node probe-main.ts OPTIONS OUTPUT`, both
// given by start-probe.ts. SIGTERM ends the sending; what is known then goes to OUTPUT.
import { writeFileSync } from 'node:fs'

import { libc as loadedLibc } from '../../../src/sys/libc.ts'
import { monotonic } from './monotonic.ts'
import type { ProbeOptions } from './options.ts'
import { type Run, type Sender, pace } from './pace.ts'
import { Samples } from './samples.ts'
import { tcpFresh, tcpLong } from './tcp.ts'
import { udpConnected } from './udp-connected.ts'
import { udpFresh } from './udp-fresh.ts'
import { udpShared } from './udp-shared.ts'

const [json = '', output = ''] = process.argv.slice(2)
const options = JSON.parse(json) as ProbeOptions
const samples = new Samples(Math.ceil(options.rate * options.seconds) + 1)
const run: Run = { options, samples, now: monotonic, stopping: false }
process.on('SIGTERM', () => (run.stopping = true))
const sender = open()
console.log('started')
await pace(run, sender)
writeFileSync(output, samples.encode())
process.exit(0)

function open(): Sender {
  if (options.kind === 'tcp-fresh') return tcpFresh(run)
  if (options.kind === 'tcp-long') return tcpLong(run)
  const { libc, reason } = loadedLibc()
  if (libc === null) throw new Error(reason)
  switch (options.kind) {
    case 'udp-fresh':
      return udpFresh(libc, run)
    case 'udp-shared':
      return udpShared(libc, run)
    case 'udp-connected':
      return udpConnected(libc, run)
  }
}
