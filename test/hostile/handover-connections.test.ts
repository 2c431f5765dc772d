// Somebody of our own user opens connections to the hand-over socket and says nothing.
import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { test } from 'node:test'

import { MAX_CONVERSATIONS } from '../../src/host/handover/conversations.ts'
import { libc } from '../../src/sys/libc.ts'
import { type Dnslet, startDnslet } from '../helpers/dnslet.ts'
import { startFixedDns } from '../helpers/fixed-dns.ts'
import { freePort } from '../helpers/ports.ts'
import { answers } from '../helpers/probe.ts'
import { type Owner, waitUntil } from '../helpers/processes.ts'
import { stateFile } from '../helpers/state.ts'

const CONNECTIONS = 1_000
/** Sockets of the upstream's and the like come and go. */
const SPARE = 32
const skip = libc().libc === null && 'needs koffi'

/** Descriptors that a process has open. */
function descriptors({ process: { pid } }: Dnslet): number {
  return readdirSync(`/proc/${pid}/fd`).length
}

function occupy(owner: Owner, path: string): Promise<Socket[]> {
  return Promise.all(Array.from({ length: CONNECTIONS }, () => occupyOne(owner, path)))
}

async function occupyOne(owner: Owner, path: string): Promise<Socket> {
  for (let attempt = 0; attempt < 2_000; attempt++) {
    const socket = connect(path).on('error', () => {})
    owner.after(() => void socket.destroy())
    const isConnected = await new Promise<boolean>((resolve) =>
      socket.once('connect', () => resolve(true)).once('close', () => resolve(false)),
    )
    if (isConnected) return socket
    // The kernel refuses who comes while 511 wait to be accepted.
    await delay(5)
  }
  throw new Error(`Cannot connect to ${path}`)
}

test(
  '1,000 silent connections take a few descriptors and keep no successor out',
  { skip },
  async (t) => {
    const [port, metrics] = [await freePort(), await freePort()]
    const upstream = await startFixedDns(t)
    upstream.udp = [3, 0]
    const corefile = `.:${port} {\n  bind 127.0.0.1\n  forward . 127.0.0.1:${upstream.port}\n}\n`
    const args = ['-metrics-listen-address', `127.0.0.1:${metrics}`, '-log-format', 'text']
    const ready = { address: '127.0.0.1', port }
    const old = await startDnslet(t, corefile, { ready, args })
    const state = join(old.folder, 'state')
    await waitUntil('the socket', () => stateFile(state, 'handover.sock') !== null, old.process)
    for (let i = 0; i < 20; i++) await answers('127.0.0.1', port, 'x.test')
    const before = descriptors(old)

    await occupy(t, stateFile(state, 'handover.sock')!)
    let most = 0
    for (let i = 0; i < 20; i++) {
      most = Math.max(most, descriptors(old))
      assert.ok(await answers('127.0.0.1', port, 'x.test'), 'it serves')
      await delay(5)
    }
    assert.ok(most <= before + MAX_CONVERSATIONS + SPARE, `${before} → ${most} descriptors`)
    const displaced = async (): Promise<number> => {
      const text = await (await fetch(`http://127.0.0.1:${metrics}/metrics`)).text()
      return Number(/^dnslet_handover_displaced_connections_total (\d+)$/m.exec(text)?.[1])
    }
    // Clients are connected before the daemon has accepted them.
    const others = CONNECTIONS - MAX_CONVERSATIONS
    await waitUntil('all others displaced', async () => (await displaced()) >= others)
    assert.equal(await displaced(), others)
    const told = old.process.output().split('connections to the hand-over socket').length - 1
    assert.equal(told, 1, 'one line for the episode')

    // Those four are still silent when the successor comes.
    const env = { DNSLET_STATE_DIR: state }
    const young = await startDnslet(t, corefile, { args, env, conf: old.corefile })
    const took = (): boolean => young.process.output().includes('Took over from process')
    await waitUntil('the take-over', took, young.process)
    await waitUntil('the end of the old one', () => old.process.ended() !== null)
    assert.equal(old.process.ended(), 0)
  },
)
