// Row 7: a pod sends the beginning of a long query on each of its TCP connections.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'

import { requireTools } from '../helpers/debian.ts'
import { askTcp, HOSTILE, MOST_MIB, openIdle, SECOND, startVictim } from './victim.ts'

const skip = requireTools('nsd')

/** The length of a message, and all but its last octet. */
function half(length: number): Buffer {
  const message = Buffer.alloc(1 + length)
  message.writeUInt16BE(length)
  return message
}

describe('half a query on each of 2,000 TCP connections to each of two addresses', { skip }, () => {
  for (const length of [65_535, 4_096]) {
    test(`costs little memory where ${length} octets are announced`, async (t) => {
      const victim = await startVictim(t)
      const before = victim.rss()
      const sockets = await Promise.all([
        openIdle(t, victim.port, 2_000, half(length)),
        openIdle(t, victim.port, 2_000, half(length), HOSTILE, SECOND),
      ])
      await delay(500)
      const [rss, peak] = [victim.rss(), victim.peak()]
      t.diagnostic(
        `${before.toFixed(0)} MiB before, ${rss.toFixed(0)} after, ${peak.toFixed(0)} at most`,
      )
      assert.ok(peak <= MOST_MIB, `${peak} MiB`)
      assert.equal(await askTcp(victim.port), true)
      // What has come of queries, 4 KiB of each, may be 8 MiB.
      assert.ok((await victim.metric('dnslet_tcp_connections')) <= 2_100)
      const closed = 'dnslet_tcp_closed_connections_total'
      if (length > 4_096)
        assert.equal(await victim.metric(closed, 'too_long'), sockets.flat().length)
      // On a busy machine the time for a first message ends before all have connected.
      else assert.ok((await victim.metric(closed)) >= 1_900)
    })
  }
})
