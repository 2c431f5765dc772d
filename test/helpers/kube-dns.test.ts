import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'

import { requireTools } from './debian.ts'
import { dig, type Server } from './dig.ts'
import { startKubeDns } from './kube-dns.ts'
import type { Owner } from './processes.ts'

const zone = `@ 5 IN SOA ns hostmaster 1 7200 1800 86400 5
@ 5 IN NS ns
ns 5 IN A 10.96.0.10
${Array.from({ length: 20 }, (_, i) => `many 5 IN A 10.1.0.${i}\n`).join('')}
typed 30 IN TYPE65280 \\# 4 0a000001
short 30 IN CNAME many
`

describe('startKubeDns()', { skip: requireTools('nsd', 'dig') }, () => {
  let at: Server
  const ended: (() => Promise<void> | void)[] = []
  const owner: Owner = { after: (fn) => void ended.unshift(fn) }
  before(async () => void (at = await startKubeDns(owner, { 'cluster.local.': zone })))
  after(async () => {
    for (const end of ended) await end()
  })

  test('has the zones of nsd, with names in full over TCP', async () => {
    const tcp = await dig(at, 'many.cluster.local', '+tcp', '+noedns')
    assert.equal(tcp.answer.length, 20)
    // Header and question, then owner, type, class, TTL, length and address of each.
    assert.match(tcp.text, new RegExp(`rcvd: ${12 + 20 + 4 + 20 * (20 + 14)}$`, 'm'))
    const udp = await dig(at, 'many.cluster.local', '+noedns')
    assert.equal(udp.answer.length, 20)
    assert.match(udp.text, new RegExp(`rcvd: ${12 + 20 + 4 + 20 * (2 + 14)}$`, 'm'))
    assert.ok(udp.flags.includes('aa'))
  })

  test('gives addresses in another order each time, behind the CNAME', async () => {
    const orders = new Set<string>()
    for (let i = 0; i < 3; i++) {
      const { answer } = await dig(at, 'short.cluster.local')
      assert.equal(answer[0]?.type, 'CNAME')
      orders.add(answer.map(({ data }) => data).join())
    }
    assert.equal(orders.size, 3)
  })

  test('says NXDOMAIN with the SOA, and keeps what nobody knows', async () => {
    const absent = await dig(at, 'no.cluster.local')
    assert.deepEqual([absent.status, absent.authority[0]?.type], ['NXDOMAIN', 'SOA'])
    const typed = await dig(at, 'typed.cluster.local', 'TYPE65280', '+dnssec')
    assert.equal(typed.answer[0]?.data, '\\# 4 0A000001')
    assert.match(typed.edns ?? '', /flags: do/)
  })
})
