import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { once } from 'node:events'
import { after, before, describe, test } from 'node:test'

import type { InOrderServer } from '../../../src/commands/demo/in-order-server.ts'
import { startStandIn } from '../../../src/commands/demo/stand-in.ts'
import { requireTools } from '../../helpers/debian.ts'
import { dig, kdig } from '../../helpers/dig.ts'

describe('the stand-in for kube-dns', { skip: requireTools('dig', 'kdig') }, () => {
  let at: InOrderServer
  before(async () => void (at = await startStandIn()))
  after(() => at.stop())

  test('a Service has its ClusterIPs', async () => {
    const a = await dig(at, 'web.default.svc.cluster.local')
    assert.deepEqual(a.answer, [
      { name: 'web.default.svc.cluster.local.', ttl: 30, type: 'A', data: '10.96.20.30' },
    ])
    assert.ok(a.flags.includes('aa') && !a.flags.includes('ra'))
    const aaaa = await kdig(at, '+tcp', 'web.default.svc.cluster.local', 'AAAA')
    assert.equal(aaaa.answer[0]?.data, 'fd00:96::2030')
  })

  test('a headless Service has the addresses of its pods, which have names', async () => {
    const d = await dig(at, 'db.default.svc.cluster.local')
    const pods = ['10.244.1.5', '10.244.2.7', '10.244.3.9']
    assert.deepEqual(d.answer.map(({ data }) => data).toSorted(), pods)
    const pod = await dig(at, 'db-1.db.default.svc.cluster.local')
    assert.equal(pod.answer[0]?.data, '10.244.2.7')
  })

  test('SRV names the ports, with the addresses beside', async () => {
    const d = await dig(at, '_postgres._tcp.db.default.svc.cluster.local', 'SRV')
    assert.deepEqual(
      d.answer.map(({ data }) => data),
      [0, 1, 2].map((i) => `0 33 5432 db-${i}.db.default.svc.cluster.local.`),
    )
    assert.equal(d.additional.length, 3)
  })

  test('PTR leads back', async () => {
    const service = await dig(at, '-x', '10.96.20.30')
    assert.equal(service.answer[0]?.data, 'web.default.svc.cluster.local.')
    const pod = await dig(at, '-x', '10.244.3.9')
    assert.equal(pod.answer[0]?.data, 'db-2.db.default.svc.cluster.local.')
    assert.equal((await dig(at, '-x', '10.1.1.1')).status, 'NXDOMAIN')
    assert.equal((await dig(at, '-x', 'fd00::1')).status, 'NXDOMAIN')
  })

  test('ExternalName is a CNAME, followed inside the cluster', async () => {
    const d = await dig(at, 'shop.default.svc.cluster.local')
    assert.deepEqual(
      d.answer.map(({ type, data }) => [type, data]),
      [
        ['CNAME', 'web.default.svc.cluster.local.'],
        ['A', '10.96.20.30'],
      ],
    )
  })

  test('addresses take turns', async () => {
    const firsts = new Set<string | undefined>()
    // By chance: three orders of equal odds are all seen in 100, but once in 10^17 times.
    for (let i = 0; i < 100 && firsts.size < 3; i++) {
      firsts.add((await dig(at, 'db.default.svc.cluster.local')).answer[0]?.data)
    }
    assert.equal(firsts.size, 3)
  })

  test('names are in full where they fit, compressed where they must be', async () => {
    const name = 'workers.default.svc.cluster.local'
    const sizes = await Promise.all([
      dig(at, name, '+noedns', '+tcp'),
      dig(at, name, '+noedns'),
      dig(at, name, '+bufsize=1232'),
    ])
    const octets = sizes.map(({ text }) => Number(/MSG SIZE {2}rcvd: (\d+)/.exec(text)?.[1]))
    // Header and question, then 20 records behind a name of 35 octets or a pointer, and OPT.
    assert.deepEqual(octets, [51 + 20 * (35 + 14), 51 + 20 * (2 + 14), 51 + 20 * (35 + 14) + 11])
    assert.ok(sizes.every(({ flags, answer }) => !flags.includes('tc') && answer.length === 20))
  })

  test('a name can be slow', async () => {
    const start = performance.now()
    const d = await dig(at, 'MS200.shop.default.svc.cluster.local')
    assert.ok(performance.now() - start >= 200)
    assert.deepEqual(
      d.answer.map(({ name, type }) => [name, type]),
      [
        ['ms200.shop.default.svc.cluster.local.', 'CNAME'],
        ['web.default.svc.cluster.local.', 'A'],
      ],
    )
  })

  test('letter case does not matter and comes back', async () => {
    const d = await dig(at, 'WEB.default.svc.Cluster.Local')
    assert.equal(d.answer[0]?.data, '10.96.20.30')
    assert.match(d.text, /^;WEB\.default\.svc\.Cluster\.Local\./m)
  })

  test('no such name, no such type, a name between others', async () => {
    const absent = await dig(at, 'nowhere.default.svc.cluster.local')
    assert.equal(absent.status, 'NXDOMAIN')
    assert.equal(absent.authority[0]?.type, 'SOA')
    for (const name of ['kubernetes.default.svc.cluster.local', 'svc.cluster.local']) {
      const none = await dig(at, name, 'AAAA')
      assert.equal(none.status, 'NOERROR')
      assert.equal(none.answer.length, 0)
      assert.equal(none.authority[0]?.type, 'SOA')
    }
  })

  test('what is not its business is refused, what it cannot do is NOTIMP', async () => {
    const outside = await dig(at, 'www.example.com')
    assert.equal(outside.status, 'REFUSED')
    assert.ok(!outside.flags.includes('aa'))
    assert.equal((await dig(at, 'cluster.local', 'CH', 'TXT')).status, 'REFUSED')
    assert.equal((await dig(at, 'cluster.local', '+opcode=STATUS')).status, 'NOTIMP')
  })

  test('EDNS is answered where it is asked for; DO is copied', async () => {
    assert.equal((await dig(at, 'cluster.local', 'SOA', '+noedns')).edns, null)
    const d = await dig(at, 'cluster.local', 'SOA', '+dnssec')
    assert.match(d.edns ?? '', /version: 0, flags: do; udp: 1232/)
  })

  test('stop() ends connections that clients keep open', async () => {
    const other = await startStandIn()
    const client = connect(other.port, other.address)
    await once(client, 'connect')
    const closed = once(client, 'close')
    await other.stop()
    await closed
  })
})
