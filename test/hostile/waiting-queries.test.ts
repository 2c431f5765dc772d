import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import { Rcode } from '../../src/wire/codes.ts'
import { requireTools } from '../helpers/debian.ts'
import { waitUntil } from '../helpers/processes.ts'
import { Flood } from './flood.ts'
import { askOrdinarily } from './ordinary-client.ts'
import { full, lossAllowed, MOST_RESIDENT, startUnderAttack } from './under-attack.ts'

const SECONDS = full ? 60 : 4
const RATE = full ? 40_000 : 10_000

describe('an upstream that does not answer', { skip: requireTools('dig') }, () => {
  test('64 names asked for ten thousand times a second do not fill the memory', async (t) => {
    const { dnslet, metric, port, resident, upstream } = await startUnderAttack(
      t,
      'cache 30\nforward . UPSTREAM',
    )
    const flood = new Flood(t, {
      port,
      from: '127.0.0.66',
      rate: RATE,
      name: (n) => `n${n % 64}.silent.test`,
    })
    const other = await askOrdinarily(port, { forMs: SECONDS * 1000 })
    flood.stop()
    t.diagnostic(
      `${JSON.stringify(other)}, resident ${resident().most >> 20} MiB at most; of ${flood.sent} queries ` +
        `${flood.replies[Rcode.Refused]!} refused`,
    )
    assert.equal(dnslet.process.ended(), null)
    assert.ok(resident().most < MOST_RESIDENT, `${resident().most} bytes`)
    assert.ok(flood.replies[Rcode.Refused]! > 0, 'the attacker has reached the bound')
    assert.ok((await metric('dnslet_waiting_queries_turned_away_total')) > 0)
    assert.ok(upstream.silent < 64 * 4 * (SECONDS + 5), `${upstream.silent} questions for 64 names`)
    const told = dnslet.process.output().match(/queries wait for answers, of/g) ?? []
    assert.ok(told.length >= 1 && told.length <= 1 + SECONDS, `${told.length} lines in the log`)
    assert.equal(other.failed, 0)
    assert.ok(other.lost <= lossAllowed(other.asked), `${other.lost} lost`)
    await waitUntil(
      'the end of all waiting',
      async () => (await metric('dnslet_waiting_queries')) === 0,
    )
  })
})
