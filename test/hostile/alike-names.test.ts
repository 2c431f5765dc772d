// Names made to have the same hash. DNSLET_HOSTILE=full asks 4,000 a second for ten seconds.
import assert from 'node:assert/strict'
import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { Flag } from '../../src/wire/codes.ts'
import { startDnslet } from '../helpers/dnslet.ts'
import { startInOrderServer } from '../helpers/in-order-server.ts'
import { freePort } from '../helpers/ports.ts'
import type { Owner } from '../helpers/processes.ts'
import { message } from '../wire/message.ts'
import { alikeName } from './alike-names.ts'

const COUNT = 9984
const WINDOW = 128
const full = process.env['DNSLET_HOSTILE'] === 'full'

async function start(owner: Owner) {
  const up = await startInOrderServer(owner)
  const port = await freePort()
  const at = { address: '127.0.0.1', port }
  const { process } = await startDnslet(
    owner,
    `.:${port} {
    cache {
        success 9984 3600 3600
        denial 9984 5
    }
    bind 127.0.0.1
    forward . 127.0.0.1:${up.port}
}
`,
    { ready: at },
  )
  const socket = createSocket({ type: 'udp4', recvBufferSize: 1 << 22 })
  socket.connect(port, '127.0.0.1')
  await once(socket, 'connect')
  owner.after(() => void socket.close())
  return { socket, pid: process.pid, port, counts: up.counts }
}

/** Asks all these and waits for the answers, a window at a time; what is lost is asked again. */
async function askAll(socket: Socket, queries: readonly Buffer[]): Promise<void> {
  const asked = new Set<number>()
  const left = [...queries.keys()]
  let wake = (): void => {}
  const answered = (reply: Buffer): void => {
    if (asked.delete(reply.readUInt16BE(0)) && asked.size === 0) wake()
  }
  socket.on('message', answered)
  for (let rounds = 0; left.length > 0 && rounds < 2 * COUNT; rounds++) {
    for (const id of left.splice(-WINDOW)) {
      asked.add(id)
      socket.send(queries[id]!)
    }
    const lost = setTimeout(() => wake(), 2000)
    await new Promise<void>((resolve) => (wake = resolve))
    clearTimeout(lost)
    left.push(...asked)
    asked.clear()
  }
  socket.off('message', answered)
  assert.equal(left.length, 0)
}

/** Milliseconds of processor time that the process has used. */
function cpuOf(pid: number): number {
  const [, fields = ''] = /\) (.*)/.exec(readFileSync(`/proc/${pid}/stat`, 'utf8')) ?? []
  const [user = 0, system = 0] = fields.split(' ').slice(11, 13).map(Number)
  return (user + system) * 10
}

test('names of equal hash cost no more than others', async (t) => {
  const queriesOf = (name: (i: number) => string): Buffer[] =>
    Array.from({ length: COUNT }, (_, id) => message({ id, flags: Flag.RD, name: name(id) }))
  const filler = `${'b'.repeat(63)}.${'c'.repeat(53)}`
  const kinds = {
    ordinary: queriesOf((i) => `${filler}${String(i).padStart(10, '0')}.test`),
    alike: queriesOf(alikeName),
  }
  const spent = { ordinary: 0, alike: 0 }
  const asked = { ordinary: 0, alike: 0 }
  for (const kind of ['ordinary', 'alike'] as const) {
    // Each has a cache to itself: what was asked for twice does not make room at once for what comes.
    const { socket, pid, port, counts } = await start(t)
    await askAll(socket, kinds[kind])
    const before = cpuOf(pid)
    const misses = counts.answered
    await askAll(socket, kinds[kind])
    spent[kind] = cpuOf(pid) - before
    asked[kind] = counts.answered - misses
    if (full && kind === 'alike') await flood(t, port, socket, kinds.alike)
  }
  t.diagnostic(`ms for ${COUNT} hits: ${JSON.stringify(spent)}`)
  t.diagnostic(`asked anew: ${JSON.stringify(asked)}`)
  // Two questions of one hash displace each other: of a fair hash a pair in a hundred runs.
  assert.ok(asked.alike < COUNT / 100, JSON.stringify(asked))
  // Where they shared one chain of a table it was a hundred times.
  assert.ok(spent.alike < 3 * spent.ordinary + 300, JSON.stringify(spent))
})

async function flood(
  t: Owner & { diagnostic(text: string): void },
  port: number,
  socket: Socket,
  queries: readonly Buffer[],
): Promise<void> {
  const other = createSocket('udp4')
  t.after(() => void other.close())
  const times: number[] = []
  let lost = 0
  let sent = 0
  const began = performance.now()
  const attack = setInterval(() => {
    const due = Math.min((performance.now() - began) * 4, 40_000)
    for (; sent < due; sent++) socket.send(queries[sent % COUNT]!)
  }, 5)
  try {
    while (performance.now() - began < 10_000) {
      const asked = performance.now()
      other.send(queries[0]!, port, '127.0.0.1')
      try {
        await once(other, 'message', { signal: AbortSignal.timeout(1000) })
        times.push(performance.now() - asked)
      } catch {
        lost++
      }
      await sleep(10)
    }
  } finally {
    clearInterval(attack)
  }
  times.sort((x, y) => x - y)
  const p99 = times[Math.floor(times.length * 0.99)]!
  t.diagnostic(`another client: ${times.length} answered, ${lost} lost, p99 ${p99.toFixed(1)} ms`)
  assert.equal(lost, 0)
}
