// Messages as no client sends them, over UDP and TCP, to both UDP backends at once: nothing stays behind.
//
//   DNSLET_HOSTILE=full node --test test/hostile/odd-messages.test.ts     ten minutes
//
// DNSLET_HOSTILE_SECONDS and DNSLET_HOSTILE_SEED choose others.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'

import { requireTools } from '../helpers/debian.ts'
import { waitUntil } from '../helpers/processes.ts'
import { answers } from '../helpers/probe.ts'
import { askTcpPatiently, type BusyVictim, startBusyVictim } from './busy-victim.ts'
import { sendOddMessages } from './odd-client.ts'
import { Random } from './odd-messages.ts'
import { full } from './victim.ts'

const SECONDS = Number(process.env['DNSLET_HOSTILE_SECONDS'] ?? (full ? 600 : 4))
const SEED = Number(process.env['DNSLET_HOSTILE_SEED'] ?? 12)
/** Caches, tables and code that the first odd messages fill are no leak; a short run has room for them. */
const WARM_UP_SECONDS = SECONDS < 60 ? 0 : 60
/** Connections of clients and upstreams that nobody uses end by themselves. */
const SETTLED_SECONDS = 40
/** MiB of its own that the process may have more when as much is in use: 8 are buffers for the next answers. */
const SPARE_MIB = WARM_UP_SECONDS > 0 ? 12 : 24
/** Full, and as large as it gets, while it warms up. */
const cache = '30 {\n    success 1000\n    denial 1000\n  }'
/** Megabytes of answers to `big.test` make a client's not reading count. */
const records = [
  '* 30 IN A 192.0.2.2',
  '*.wild 30 IN A 192.0.2.3',
  'none 30 IN TXT "nothing is below"',
  ...Array.from({ length: 40 }, (_, i) => `big 30 IN TXT "${String(i).padEnd(250, 'x')}"`),
].join('\n')

describe(`odd messages for ${SECONDS} s`, { skip: requireTools('nsd'), concurrency: true }, () => {
  for (const [backend, env] of [
    ['batched', {}],
    ['dgram', { DNSLET_UDP: 'dgram' }],
  ] as const) {
    test(`${backend}: memory and descriptors are those of before, and others are served`, async (t) => {
      const victim = await startBusyVictim(t, { records: `${records}\n`, cache, env })
      const fresh = victim.descriptors()
      const random = new Random(SEED)
      const attack = (seconds: number) =>
        sendOddMessages(t, victim.port, random, performance.now() + 1000 * seconds)
      if (WARM_UP_SECONDS > 0) {
        await attack(WARM_UP_SECONDS)
        await settled(victim, fresh)
      }
      const before = { own: victim.own(), rss: victim.rss(), descriptors: victim.descriptors() }

      const attacked = attack(SECONDS)
      const other = await watchOther(victim, attacked)
      const sent = await attacked
      await settled(victim, before.descriptors)
      const isGivenBack = (): boolean => victim.own() <= before.own + SPARE_MIB
      await waitUntil('memory', isGivenBack, undefined, 20).catch(() => {})
      const after = { own: victim.own(), rss: victim.rss(), descriptors: victim.descriptors() }
      t.diagnostic(`seed ${SEED}: ${JSON.stringify(sent)}`)
      t.diagnostic(`of its own ${before.own.toFixed(1)}, then ${after.own.toFixed(1)} MiB`)
      t.diagnostic(
        `RSS ${before.rss.toFixed(1)}, at most ${other.rss.toFixed(1)}, then ${after.rss.toFixed(1)} MiB`,
      )
      t.diagnostic(
        `descriptors ${fresh} at start, ${before.descriptors}, at most ${other.descriptors}, then ${after.descriptors}`,
      )
      t.diagnostic(`RSS at each minute: ${other.minutes.map(Math.round).join(', ')} MiB`)
      t.diagnostic(`another client: ${other.lost} of ${other.asked} unanswered`)
      assert.ok(sent.octetsBack > 0 && sent.frames > 0)
      assert.ok(other.lost <= (full ? 0 : other.asked / 20), `${other.lost} of ${other.asked}`)
      // The rest of RSS is the program's code: dropped when quiet, mapped again as soon as it runs.
      assert.ok(isGivenBack(), `${before.own} → ${after.own} MiB`)
      assert.ok(after.descriptors <= before.descriptors)
      assert.equal(await victim.metric('coredns_panics_total'), 0)
      assert.equal(victim.dnslet.process.ended(), null)
      // Self-checks fail where others have the processor, and say so.
      const lines = victim.dnslet.process.output().split('\n').slice(1)
      const errors = lines.filter((line) =>
        /"level":"(?:error|fatal)"(?!.*"plugin":"health")/.test(line),
      )
      assert.deepEqual(errors, [])
    })
  }
})

/** Resolves once no more descriptors are open than these. */
function settled(victim: BusyVictim, descriptors: number): Promise<void> {
  const are = (): boolean => victim.descriptors() <= descriptors
  return waitUntil('descriptors', are, victim.dnslet.process, SETTLED_SECONDS)
}

/** What a decent client sees, and the most that the daemon uses meanwhile. */
async function watchOther(victim: BusyVictim, attacked: Promise<unknown>) {
  let isOver = false
  void attacked.finally(() => (isOver = true))
  const seen = { asked: 0, lost: 0, rss: 0, descriptors: 0, minutes: [victim.rss()] }
  const begun = performance.now()
  while (!isOver) {
    const asked = await Promise.all([askTcpPatiently(victim.port), askUdp(victim.port)])
    seen.asked += asked.length
    seen.lost += asked.filter((answered) => !answered).length
    seen.rss = Math.max(seen.rss, victim.rss())
    seen.descriptors = Math.max(seen.descriptors, victim.descriptors())
    if (performance.now() - begun > 60_000 * seen.minutes.length) seen.minutes.push(victim.rss())
    await delay(100)
  }
  return seen
}

/** As a resolver does, for 5 s: once more where nothing came in 200 ms. */
async function askUdp(port: number): Promise<boolean> {
  for (let i = 0; i < 25; i++) if (await answers('127.0.0.1', port, 'a.test')) return true
  return false
}
