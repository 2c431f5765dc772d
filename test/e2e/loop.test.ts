// The search for forwarding loops in front of an upstream that drops what it asks: nobody's business.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Type } from '../../src/wire/codes.ts'
import { requireTools } from '../helpers/debian.ts'
import { dig } from '../helpers/dig.ts'
import { startDnslet } from '../helpers/dnslet.ts'
import { startInOrderServer } from '../helpers/in-order-server.ts'
import { freePort } from '../helpers/ports.ts'
import { waitUntil } from '../helpers/processes.ts'
import { questionOf } from '../wire/message.ts'

const suite = { skip: requireTools('dig') }
describe('an upstream that does not answer HINFO', suite, () => {
  for (const [options, udpQueries, tcpQueries] of [
    ['', 1, 1],
    [' {\n        force_tcp\n    }', 0, 1],
  ] as const) {
    test(`costs one line${options === '' ? '' : ', asked over TCP'}`, async (t) => {
      let hinfo = 0
      const serviceMs = (query: Buffer): number => {
        if (questionOf(query).type !== Type.HINFO) return 0
        hinfo++
        return 60_000
      }
      const up = await startInOrderServer(t, { serviceMs })
      const [port, metrics] = [await freePort(), await freePort()]
      const upstream = `127.0.0.1:${up.port}`
      const corefile = `.:${port} {
    errors
    log
    cache 30
    loop
    bind 127.0.0.1
    prometheus 127.0.0.1:${metrics}
    forward . ${upstream}${options}
}
`
      const args = ['-log-format', 'text']
      const { process } = await startDnslet(t, corefile, { args })
      const line = `plugin/loop: ${upstream} does not answer HINFO; no loop seen so far`
      await waitUntil('the line', () => process.output().includes(line), process)
      // The test over TCP comes after that over UDP.
      await waitUntil('both tries', () => hinfo === udpQueries + tcpQueries, process)
      assert.deepEqual([up.counts.udpQueries, up.counts.tcpQueries], [udpQueries, tcpQueries])

      const at = { address: '127.0.0.1', port }
      // Within two seconds, as `dig` waits.
      assert.equal((await dig(at, 'www.test')).status, 'NOERROR')
      const scraped = await (await fetch(`http://127.0.0.1:${metrics}/metrics`)).text()
      const samples = scraped.split('\n').filter((sample) => !sample.startsWith('#'))
      const counted = samples.filter((sample) =>
        /^coredns_(dns_(requests|responses)|cache_(requests|misses)|forward_requests)_total/.test(
          sample,
        ),
      )
      assert.ok(counted.length >= 4)
      for (const sample of counted) assert.match(sample, / 1$/)
      assert.ok(!samples.some((sample) => sample.includes('SERVFAIL')))
      await process.stop()
      assert.equal(process.output().split(line).length, 2, 'the line came once')
      assert.doesNotMatch(process.output(), /\[ERROR\]|HINFO IN/)
      assert.match(process.output(), /A IN www\.test\./)
    })
  }
})
