// dnstap of a daemon, captured by fstrm_capture and read by dnstap-ldns.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { findTool, requireTools } from '../helpers/debian.ts'
import { dig } from '../helpers/dig.ts'
import { startDnslet } from '../helpers/dnslet.ts'
import { temporaryFolder } from '../helpers/nsd.ts'
import { freePort } from '../helpers/ports.ts'
import { startProcess, waitUntil } from '../helpers/processes.ts'
import { answerTo, startScripted } from '../upstream/scripted.ts'

const skip = requireTools('dig', 'dnstap-ldns', 'fstrm_capture')

test('dnstap-ldns reads what dnslet tells of clients and upstreams', { skip }, async (t) => {
  const folder = temporaryFolder(t)
  const [socket, file] = [join(folder, 'tap.sock'), join(folder, 'queries.tap')]
  const type = ['-t', 'protobuf:dnstap.Dnstap']
  const capture = startProcess(t, 'fstrm_capture', [...type, '-u', socket, '-w', file])
  await waitUntil('fstrm_capture', () => existsSync(socket), capture)
  const upstream = await startScripted(t, ({ reply, wire }) => reply(answerTo(wire)))
  const port = await freePort()
  const server = { address: '127.0.0.1', port }
  const corefile = `.:${port} {
    bind 127.0.0.1
    dnstap ${socket} full {
      identity node-1
      version test-1
      extra "{>id} {proto}"
    }
    cache 30
    forward . 127.0.0.1:${upstream.port}
  }`
  const daemon = await startDnslet(t, corefile, { ready: server })
  await dig(server, 'miss.example', 'A')
  await dig(server, 'miss.example', 'A', '+tcp')
  await daemon.stop()
  await capture.stop()

  const read = (...args: readonly string[]): string =>
    execFileSync(findTool('dnstap-ldns')!, [...args, '-r', file], { encoding: 'utf8' })
  const lines = read('-q')
    .split('\n')
    .filter((line) => line.includes('miss.example'))
    .map((line) => line.split(' '))
  // Date, time, type, address, protocol, octets, name, class, type.
  const kinds = lines.map(([, , kind, from, protocol]) => [kind, from, protocol].join(' '))
  assert.deepEqual(kinds, [
    'CQ 127.0.0.1 UDP',
    'FQ 127.0.0.1 UDP',
    'FR 127.0.0.1 UDP',
    'CR 127.0.0.1 UDP',
    'CQ 127.0.0.1 TCP',
    'CR 127.0.0.1 TCP',
  ])
  const verbose = read('-y')
  assert.match(verbose, /identity: "node-1"/)
  assert.match(verbose, /version: "test-1"/)
  assert.match(verbose, /type: FORWARDER_RESPONSE/)
  assert.match(verbose, /miss\.example\.\t\d+\tIN\tA\t192\.0\.2\.1/)
  assert.match(verbose, new RegExp(`response_port: ${upstream.port}\\b`))
})
