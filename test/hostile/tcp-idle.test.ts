// Row 3: a pod holds all TCP connections and does nothing with them.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'

import { MAX_CONNECTIONS } from '../../src/net/tcp-limits.ts'
import { requireTools } from '../helpers/debian.ts'
import { frame, query } from '../net/clients.ts'
import {
  askTcp,
  DECENT,
  full,
  HOSTILE,
  openIdle,
  percentile,
  probe,
  startVictim,
} from './victim.ts'

/** Three failed self-checks, a second apart, make the daemon unhealthy. */
const ATTACK_MS = full ? 9_000 : 4_500

const skip = requireTools('nsd')

describe('4,000 TCP connections, one query each, then idle', { skip }, () => {
  for (const decent of [DECENT, HOSTILE]) {
    const who = decent === DECENT ? 'another' : 'the same'
    test(`refuse no client of ${who} address and no probe`, async (t) => {
      const victim = await startVictim(t)
      const sockets = await openIdle(
        t,
        victim.port,
        MAX_CONNECTIONS,
        frame(query({ name: 'a.test' })),
      )
      const end = performance.now() + ATTACK_MS
      const answered: boolean[] = []
      const times: number[] = []
      const probes: number[] = []
      while (performance.now() < end) {
        const asked = performance.now()
        answered.push(await askTcp(victim.port, decent))
        times.push(performance.now() - asked)
        probes.push(await probe(victim.http, '/health', decent))
        probes.push(await probe(victim.http, '/ready', decent))
        await delay(30)
      }
      const refused = answered.filter((one) => !one).length
      const failed = probes.filter((status) => status !== 200).length
      t.diagnostic(`refused ${refused} of ${answered.length}, ${failed} of ${probes.length} probes`)
      const p99 = percentile({ times: times.toSorted((a, b) => a - b), lost: 0 }, 0.99)
      t.diagnostic(`p99 of a query on a connection of its own: ${p99.toFixed(1)} ms`)
      assert.equal(refused, 0)
      assert.equal(failed, 0)
      // None but for those who came: they make room each time somebody does.
      const open = sockets.filter((socket) => !socket.closed).length
      assert.ok(open > MAX_CONNECTIONS - 2 * answered.length - 20, `${open} are open`)
      assert.ok((await victim.metric('dnslet_tcp_closed_connections_total', 'full')) > 0)
      assert.equal(await victim.metric('coredns_health_request_failures_total'), 0)
      const told = victim.dnslet.process.output().match(/longest idle make way/g)
      assert.equal(told?.length, 1)
    })
  }
})
