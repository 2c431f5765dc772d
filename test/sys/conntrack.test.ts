import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { type AddressInfo, connect, createServer } from 'node:net'
import { constants } from 'node:os'
import { describe, test } from 'node:test'

import { translatedTo } from '../../src/sys/conntrack.ts'
import { type Libc, libc } from '../../src/sys/libc.ts'
import { findTool } from '../helpers/debian.ts'
import { enterOwnNetwork, ip } from '../helpers/own-network.ts'
import type { Owner } from '../helpers/processes.ts'

const nftables = findTool('nft')
const skip = nftables === null ? 'needs nft' : enterOwnNetwork() || false

/** As kube-proxy has it: the address of a Service, and the pod behind it. */
const families = [
  { nft: 'ip', service: '10.96.0.10', pod: '10.244.1.10', bits: 32 },
  { nft: 'ip6', service: 'fd00:96::a', pod: 'fd00:244::1:10', bits: 128 },
] as const

describe('where connection tracking says that a connection leads', { skip }, () => {
  const system = libc().libc!
  for (const { bits, nft, pod, service } of families) {
    test(`${nft}: the pod behind a Service, or the address itself`, async (t) => {
      ip(`address add ${pod}/${bits} dev lo${bits === 128 ? ' nodad' : ''}`)
      ip(`route add ${service}/${bits} dev lo`)
      const port = await listen(t, pod)
      const to = bits === 128 ? `[${pod}]:${port}` : `${pod}:${port}`
      load(`table ${nft} kube-proxy {
        chain out {
          type nat hook output priority -100
          ${nft} daddr ${service} tcp dport 53 dnat to ${to}
        }
      }`)
      const translated = { host: service, port: 53 }
      assert.equal(translatedTo(system, await connectTo(t, translated), translated), to)
      const itself = { host: pod, port }
      assert.equal(translatedTo(system, await connectTo(t, itself), itself), to)
    })
  }

  test('an error number where there is no such connection, or where nobody may ask', () => {
    const from = { host: '127.0.0.1', port: 1 }
    assert.equal(translatedTo(system, from, from), constants.errno.ENOENT)
    const refused: Libc = { ...system, send: () => -1, errno: () => constants.errno.EPERM }
    assert.equal(translatedTo(refused, from, from), constants.errno.EPERM)
    const none: Libc = { ...system, socket: () => -1, errno: () => constants.errno.EAFNOSUPPORT }
    assert.equal(translatedTo(none, from, from), constants.errno.EAFNOSUPPORT)
  })

  test('what the kernel has never said is no answer, whatever it is', () => {
    const from = { host: '127.0.0.1', port: 1 }
    for (let size = 0; size < 300; size += 7) {
      for (const octet of [0, 1, 2, 0x80, 0xff]) {
        const told: Libc = {
          ...system,
          send: (_fd, _bytes, length) => length,
          recv: (_fd, bytes) => {
            bytes.fill(octet, 0, size)
            bytes.writeUInt32LE(size, 0)
            return size
          },
        }
        assert.equal(typeof translatedTo(told, from, from), 'number')
      }
    }
  })
})

function load(rules: string): void {
  execFileSync(nftables ?? '', ['-f', '-'], { input: rules })
}

async function listen(t: Owner, host: string): Promise<number> {
  const server = createServer((socket) => t.after(() => void socket.destroy()))
  t.after(() => void server.close())
  server.listen(0, host)
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}

/** Our own end of a connection. */
async function connectTo(
  t: Owner,
  to: { readonly host: string; readonly port: number },
): Promise<{ host: string; port: number }> {
  const socket = connect(to)
  t.after(() => void socket.destroy())
  await once(socket, 'connect')
  return { host: socket.localAddress!, port: socket.localPort! }
}
