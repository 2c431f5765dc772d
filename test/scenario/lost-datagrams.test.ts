// An upstream over UDP behind a network that loses one datagram of twenty, each way: no query fails, and those
// that were lost are asked again soon, without asking everything twice.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'

import { HEADER_SIZE, readFlags, readId } from '../../src/wire/header.ts'
import { findTool, requireTools } from '../helpers/debian.ts'
import { startDnslet } from '../helpers/dnslet.ts'
import { inFull, isFull } from '../helpers/node-model/scenario.ts'
import { startNsd } from '../helpers/nsd.ts'
import { enterOwnNetwork } from '../helpers/own-network.ts'
import { message } from '../wire/message.ts'

const skip = requireTools('ip', 'nft', 'nsd') || enterOwnNetwork() || false

const PORT = 5300
const UPSTREAM = 5353
const LOSS = 5
/** Queries a second, and how many. */
const RUNS = inFull(
  [
    [300, 2_400],
    [2_000, 12_000],
  ] as const,
  [[300, 750]] as const,
)
/** A query of a million runs out of six attempts, so three do in one of 10⁷ full runs; of two attempts one of a hundred. */
const MOST_FAILED = 2

/** Of what goes to the upstream and comes from it, a part is dropped, by chance. */
const rules = `table inet loss {
  chain out { type filter hook output priority 0; udp dport ${UPSTREAM} counter; }
  chain in {
    type filter hook input priority 0
    udp dport ${UPSTREAM} numgen random mod 100 lt ${LOSS} counter drop
    udp sport ${UPSTREAM} numgen random mod 100 lt ${LOSS} counter drop
  }
}
`

function nft(args: readonly string[], input = ''): string {
  const { status, stdout, stderr } = spawnSync(findTool('nft') ?? 'nft', args, {
    encoding: 'utf8',
    input,
  })
  if (status !== 0) throw new Error(`nft: ${stderr}`)
  return stdout
}

/** Queries sent to the upstream; and dropped, of those that arrived and of the answers. */
function packets(): readonly [sent: number, queries: number, answers: number] {
  const text = nft(['list', 'table', 'inet', 'loss'])
  const [sent = NaN, queries = NaN, answers = NaN] = [...text.matchAll(/packets (\d+)/g)].map(
    ([, count]) => Number(count),
  )
  return [sent, queries, answers]
}

/** Asks for `count` new names; milliseconds to each answer, and how many came to nothing within six seconds. */
async function ask(rate: number, count: number) {
  const socket = createSocket('udp4')
  const sentAt = new Map<number, number>()
  const took: number[] = []
  let failed = 0
  socket.on('message', (reply) => {
    const at = sentAt.get(readId(reply))
    if (at === undefined || !sentAt.delete(readId(reply))) return
    if ((readFlags(reply) & 15) === 0 && reply.length > HEADER_SIZE)
      took.push(performance.now() - at)
    else failed++
  })
  socket.connect(PORT, '127.0.0.1')
  await once(socket, 'connect')
  const start = performance.now()
  for (let id = 0; id < count;) {
    const due = Math.min(count, ((performance.now() - start) / 1000) * rate)
    for (; id < due; id++) {
      sentAt.set(id, performance.now())
      socket.send(message({ id, name: `r${rate}-${id}.w.test`, flags: 0x0100 }))
    }
    await delay(2)
  }
  const end = performance.now()
  while (sentAt.size > 0 && performance.now() - end < 6000) await delay(10)
  socket.close()
  return { took: took.toSorted((a, b) => a - b), failed: failed + sentAt.size }
}

test('a network that loses one datagram of twenty, each way', { skip }, async (t) => {
  const zone =
    '$TTL 60\n@ SOA ns hostmaster 1 3600 600 86400 60\n@ NS ns\nns A 127.0.0.1\n*.w A 10.1.2.3'
  await startNsd(t, { 'test.': zone }, '127.0.0.1', UPSTREAM)
  const corefile = `.:${PORT} {
    bind 127.0.0.1
    cache 30
    forward . 127.0.0.1:${UPSTREAM} {
        prefer_udp
    }
}
`
  await startDnslet(t, corefile, { ready: { address: '127.0.0.1', port: PORT } })
  nft(['-f', '-'], rules)
  for (const [rate, count] of RUNS) {
    const before = packets()
    const { took, failed } = await ask(rate, count)
    const [sent, queries, answers] = packets().map((n, i) => n - before[i]!)
    const at = (part: number): string => took[Math.floor(took.length * part)]!.toFixed(1)
    t.diagnostic(
      `${rate}/s: ${failed} of ${count} failed, p50 ${at(0.5)} ms, p99 ${at(0.99)} ms; ` +
        `${sent} queries to the upstream, ${queries} and ${answers} answers lost`,
    )
    assert.ok(queries! > 0 && answers! > 0, 'nothing was lost')
    assert.ok(failed <= MOST_FAILED, `${failed} failed`)
    assert.ok(sent! >= count)
    // One more for each that was lost, and one of forty; where time is short, others are late too.
    if (isFull)
      assert.ok(sent! - count <= (queries! + answers!) * 2 + count / 20 + 16, `${sent} were sent`)
  }
})
