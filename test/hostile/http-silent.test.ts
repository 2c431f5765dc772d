// Row 4: a pod holds all HTTP connections and says nothing, so that the kubelet's probes fail.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'

import { requireTools } from '../helpers/debian.ts'
import { waitUntil } from '../helpers/processes.ts'
import { DECENT, full, HOSTILE, NODE, openIdle, probe, startVictim } from './victim.ts'

const skip = requireTools('nsd')
const PROBES = full ? 39 : 20
const lines = { rate: /HTTP connections a second/g, full: /HTTP connections are open/g }
const part = 'GET /metrics HTTP/1.1\r\nHost: a\r\n'

describe('64 silent HTTP connections', { skip }, () => {
  for (const [what, first] of [
    ['that send nothing', null],
    ['in the middle of a request', Buffer.from(part)],
    ['that ask for more than they read', Buffer.from(`${part}\r\n`.repeat(4))],
  ] as const) {
    // Of a pod's connections those are cut that come too fast, of the node's and the pod's the longest idle.
    for (const [whose, hostile, decent, reasons] of [
      ['another client', HOSTILE, DECENT, ['rate', 'full']],
      ["the node's", NODE, NODE, ['full']],
    ] as const) {
      test(`${what} keep no probe of ${whose} out`, async (t) => {
        const victim = await startVictim(t)
        const sockets = [...(await openIdle(t, victim.http, 64, first, hostile))]
        for (const socket of sockets) socket.pause()
        let failed = 0
        for (let i = 0; i < PROBES; i++) {
          for (const path of ['/health', '/ready']) {
            if ((await probe(victim.http, path, decent)) !== 200) failed++
          }
          sockets.push(...(await openIdle(t, victim.http, 16, first, hostile)))
          await delay(full ? 250 : 100)
        }
        t.diagnostic(`${failed} of ${2 * PROBES} probes failed`)
        assert.equal(failed, 0)
        // Scrapes of the same address are turned away while these wait for theirs.
        for (const socket of sockets) socket.destroy()
        const cut = async (): Promise<(keyof typeof lines)[]> => {
          const counts = await Promise.all(
            reasons.map((reason) => victim.metric('dnslet_http_cut_connections_total', reason)),
          )
          return reasons.filter((_, i) => counts[i]! > 0)
        }
        await waitUntil('those cut are counted', async () => (await cut()).length > 0)
        // One line for each reason.
        for (const reason of await cut()) {
          const told = victim.dnslet.process.output().match(lines[reason])
          assert.equal(told?.length, 1, reason)
        }
      })
    }
  }

  test('a connection that asks without waiting for answers is cut', async (t) => {
    const victim = await startVictim(t)
    const ahead = Buffer.from(`${part}\r\n`.repeat(1000))
    await openIdle(t, victim.http, 4, ahead)
    await delay(200)
    assert.ok((await victim.metric('dnslet_http_cut_connections_total', 'requests')) > 0)
    assert.equal(await probe(victim.http, '/health'), 200)
  })
})
