// A and AAAA sent at the same moment from two CPUs through one socket, as resolvers do: conntrack
// sees two new flows, repairs the clash, and forgets the repaired one after a second. Answers that
// come later are lost (network.md §4). Past conntrack and over pooled TCP, none is.
import assert from 'node:assert/strict'
import { availableParallelism } from 'node:os'
import { describe, test } from 'node:test'

import { addresses } from '../helpers/node-model/addresses.ts'
import { requireNodeModel } from '../helpers/node-model/needs.ts'
import { NodeModel } from '../helpers/node-model/node-model.ts'
import { inFull, isFull } from '../helpers/node-model/scenario.ts'
import { race, startSlowServers } from '../helpers/node-race/race.ts'

const PAIRS = inFull(4_000, 300)
/** Pairs a second: with answers after 1.5 s some 600 queries are under way. */
const RATE = 200
const DELAYS_MS = [1_100, 1_300, 1_500]
const server = addresses.ipv4.kubeDns

const skip = requireNodeModel('taskset') || (availableParallelism() < 2 && 'needs two CPUs')

describe('the race of A and AAAA in conntrack', { skip }, () => {
  test('direct, slow answers are lost; through dnslet none is', async (t) => {
    const kubeDnsPods = DELAYS_MS.length
    const model = await NodeModel.create(t, { kubeDns: 'none', kubeDnsPods })
    startSlowServers(model, DELAYS_MS)
    const direct = await race(model, { server, pairs: PAIRS, rate: RATE, label: 'direct' })
    t.diagnostic(`direct: ${direct.pairs - direct.complete} of ${direct.pairs} pairs lost`)
    await model.startDnslet()
    const through = await race(model, { server, pairs: PAIRS, rate: RATE, label: 'dnslet' })
    t.diagnostic(`dnslet: ${through.pairs - through.complete} of ${through.pairs} pairs lost`)
    assert.equal(through.complete, through.pairs)
    if (isFull) assert.ok(direct.complete < direct.pairs, 'the race was not hit')
  })
})
