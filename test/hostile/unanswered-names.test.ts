import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import { Rcode } from '../../src/wire/codes.ts'
import { requireTools } from '../helpers/debian.ts'
import { startInOrderServer } from '../helpers/in-order-server.ts'
import { Flood } from './flood.ts'
import { askOrdinarily } from './ordinary-client.ts'
import { full, lossAllowed, MOST_RESIDENT, startUnderAttack } from './under-attack.ts'

const SECONDS = full ? 30 : 6
/** Enough to reach the share within the time: half of 8,400, or of 3,800 with the smallest heap. */
const RATE = full ? 6_000 : 1_500
const MEMORY = full ? 200 << 20 : 64 << 20

describe('names that nobody answers', { skip: requireTools('dig') }, () => {
  test('a flood of them takes nothing from another client', async (t) => {
    const { metric, port, resident, upstream } = await startUnderAttack(
      t,
      'cache 30\nforward . UPSTREAM',
      MEMORY,
    )
    const flood = new Flood(t, {
      port,
      from: '127.0.0.66',
      rate: RATE,
      name: (n) => `u${n}.silent.test`,
    })
    const other = await askOrdinarily(port, { forMs: SECONDS * 1000 })
    const refused = flood.replies[Rcode.Refused]!
    t.diagnostic(
      `${JSON.stringify(other)}, resident ${resident().most >> 20} MiB at most; of ${flood.sent} names ` +
        `${refused} refused, ${upstream.silent} questions upstream`,
    )
    flood.stop()
    assert.equal(other.failed, 0)
    assert.ok(other.lost <= lossAllowed(other.asked), `${other.lost} lost`)
    assert.ok(refused > 0, 'the attacker has reached its share')
    assert.ok((await metric('dnslet_waiting_queries_turned_away_total')) >= refused)
    assert.ok(resident().most < MOST_RESIDENT, `${resident().most} bytes`)
    // Those of the first second, before the crowd, have their second attempts.
    const limit = await metric('dnslet_waiting_queries_limit')
    assert.ok(upstream.silent < flood.sent - refused + limit / 2, `${upstream.silent} questions`)
  })

  test('nor does it where the upstream answers in order over TCP', async (t) => {
    const inOrder = await startInOrderServer(t)
    const { port, resident } = await startUnderAttack(
      t,
      `cache 30\nforward . 127.0.0.1:${inOrder.port} {\nforce_tcp\n}`,
    )
    const flood = new Flood(t, {
      port,
      from: '127.0.0.66',
      rate: full ? RATE : 600,
      // In service for longer than anybody waits; 128 a second used to fill all connections.
      name: (n) => `u${n}.ms99999.test`,
    })
    const other = await askOrdinarily(port, { forMs: SECONDS * 1000 })
    t.diagnostic(
      `${JSON.stringify(other)}, resident ${resident().most >> 20} MiB at most; of ${flood.sent} names ` +
        `${inOrder.counts.tcpQueries - inOrder.counts.answered} in service`,
    )
    flood.stop()
    assert.equal(other.failed, 0)
    assert.ok(other.lost <= lossAllowed(other.asked), `${other.lost} lost`)
    assert.ok(inOrder.counts.open >= 240, `${inOrder.counts.open} connections`)
    assert.ok(resident().most < MOST_RESIDENT, `${resident().most} bytes`)
  })
})
