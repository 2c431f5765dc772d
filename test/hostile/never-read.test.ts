// A pod asks for the longest answers there are, one behind the other on each of its connections, and reads none.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'

import { requireTools } from '../helpers/debian.ts'
import { waitUntil } from '../helpers/processes.ts'
import { frame, query } from '../net/clients.ts'
import { type BusyVictim, startBusyVictim } from './busy-victim.ts'
import { askTcp, DECENT, full, HOSTILE, openIdle, probe } from './victim.ts'

const CONNECTIONS = 100
const QUERIES = 200
/** Those who do not read are cut after ten seconds. */
const ATTACK_MS = full ? 15_000 : 3_000
/**
 * MiB. All answers together would be 1,250; it was 175 to 220, before they had a bound together. By that bound they
 * are 32, in buffers whose sizes are powers of two: up to 64, and 8 of spare ones.
 */
const MOST_GROWN = 80
/** 64,000 octets. */
const records = Array.from(
  { length: 250 },
  (_, i) => `big 300 IN TXT ${String(i).padEnd(245, 'x')}\n`,
)

interface Seen {
  readonly asked: number
  readonly lost: number
  readonly grown: number
}

/** What somebody else sees for a while, and by how many MiB the daemon grows. */
async function watch(victim: BusyVictim, before: number): Promise<Seen> {
  const answered: boolean[] = []
  let most = 0
  const end = performance.now() + ATTACK_MS
  while (performance.now() < end) {
    // Also from the same address, as in the node's network.
    for (const from of [DECENT, HOSTILE]) {
      answered.push(await askTcp(victim.port, from))
      answered.push((await probe(victim.http, '/health', from)) === 200)
    }
    most = Math.max(most, victim.rss())
    // The attack has used up what clients together may open beyond their own ten HTTP connections a second.
    await delay(60)
  }
  const lost = answered.filter((one) => !one).length
  return { asked: answered.length, lost, grown: most - before }
}

describe('100 clients that never read', { skip: requireTools('nsd') }, () => {
  const question = frame(query({ name: 'big.test', type: 16 }))
  const scrape = Buffer.from('GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n')
  for (const [what, portOf, ahead, metric] of [
    [
      'answers of 64,000 octets over TCP',
      ({ port }: BusyVictim) => port,
      Buffer.concat(new Array<Buffer>(QUERIES).fill(question)),
      'dnslet_tcp_closed_connections_total',
    ],
    [
      'metrics',
      ({ http }: BusyVictim) => http,
      Buffer.concat(new Array<Buffer>(8).fill(scrape)),
      'dnslet_http_cut_connections_total',
    ],
  ] as const) {
    test(`${what}: memory is bounded, and others are served`, async (t) => {
      const victim = await startBusyVictim(t, { records: records.join('') })
      // The code is warm; the long answer is not there: all wait for it, and get it at once.
      for (let i = 0; i < 20; i++) assert.ok(await askTcp(victim.port))
      const [before, descriptors] = [victim.rss(), victim.descriptors()]
      const sockets = await openIdle(t, portOf(victim), CONNECTIONS, null)
      for (const socket of sockets) socket.pause().write(ahead)
      const { asked, lost, grown } = await watch(victim, before)
      t.diagnostic(`grown by ${grown.toFixed(1)} MiB; ${lost} of ${asked} of others unanswered`)
      assert.equal(lost, 0)
      assert.ok(grown < MOST_GROWN, `grown by ${grown} MiB`)
      if (full) assert.ok((await victim.metric(metric)) > 0, 'they are cut')
      for (const socket of sockets) socket.destroy()
      const gone = (): boolean => victim.descriptors() <= descriptors + 2
      await waitUntil('their end', gone, victim.dnslet.process, 20)
    })
  }
})
