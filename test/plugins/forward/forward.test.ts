import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import { Rcode, Type } from '../../../src/wire/codes.ts'
import { requireTools } from '../../helpers/debian.ts'
import { type NameServer, startNsd } from '../../helpers/nsd.ts'
import { startUnbound } from '../../helpers/unbound.ts'
import { Front } from './harness.ts'

const zone = `@ 60 IN SOA ns hostmaster 1 7200 1800 86400 5
@ 60 IN NS ns
ns 60 IN A 192.0.2.53
www 60 IN A 192.0.2.1
alias 60 IN CNAME www
${Array.from({ length: 200 }, (_, i) => `headless 30 IN A 10.0.0.${i}`).join('\n')}
`

const to = ({ address, port }: NameServer): string => `${address}:${port}`

describe('forward', { skip: requireTools('nsd', 'unbound') }, () => {
  for (const over of ['udp', 'tcp'] as const) {
    test(`passes on what nsd answers over ${over}`, async (t) => {
      const nsd = await startNsd(t, { 'cluster.local.': zone })
      const front = await Front.start(t, `forward . ${to(nsd)}`)
      const found = await front.ask('WWW.cluster.local', { over })
      assert.equal(found.rcode, Rcode.NoError)
      assert.equal(found.records.answerCount, 1)
      assert.equal(found.answeredBy, 'forward')
      assert.ok(found.wire.includes('WWW'), 'the case of the question is the client’s')
      const absent = await front.ask('no.cluster.local', { over })
      assert.equal(absent.rcode, Rcode.NXDomain)
      assert.equal(absent.records.authorityCount, 1)
      const empty = await front.ask('www.cluster.local', { over, type: Type.AAAA })
      assert.equal(empty.rcode, Rcode.NoError)
      assert.equal(empty.records.answerCount, 0)
      const chain = await front.ask('alias.cluster.local', { over })
      assert.equal(chain.records.answerCount, 2)
      const strange = await front.ask('www.cluster.local', { over, type: 65_280 })
      assert.equal(strange.rcode, Rcode.NoError)
    })
  }

  test('asks over TCP where the answer does not fit into UDP', async (t) => {
    const nsd = await startNsd(t, { 'cluster.local.': zone })
    const front = await Front.start(t, `forward . ${to(nsd)}`)
    const found = await front.ask('headless.cluster.local', { over: 'tcp' })
    assert.equal(found.records.answerCount, 200)
    const preferred = await Front.start(t, `forward . ${to(nsd)} {\nprefer_udp\n}`)
    assert.equal(
      (await preferred.ask('headless.cluster.local', { over: 'tcp' })).records.answerCount,
      200,
    )
  })

  test('carries a thousand queries at once', async (t) => {
    const nsd = await startNsd(t, { 'cluster.local.': zone })
    for (const option of ['force_tcp', 'prefer_udp']) {
      const front = await Front.start(t, `forward . ${to(nsd)} {\n${option}\n}`)
      const names = Array.from({ length: 1000 }, (_, i) => `name-${i}.cluster.local`)
      const replies = await Promise.all(names.map((name) => front.ask(name)))
      replies.forEach((reply, i) => {
        assert.equal(reply.rcode, Rcode.NXDomain)
        assert.ok(reply.wire.includes(`name-${i}`))
      })
    }
  })

  test('reaches an upstream over IPv6', async (t) => {
    const nsd = await startNsd(t, { 'cluster.local.': zone }, '::1')
    const front = await Front.start(t, `forward . [::1]:${nsd.port}`)
    assert.equal((await front.ask('www.cluster.local')).records.answerCount, 1)
    assert.equal((await front.ask('www.cluster.local', { over: 'tcp' })).records.answerCount, 1)
  })

  test('asks unbound with RD, DO and an OPT of its own', async (t) => {
    const unbound = await startUnbound(t, ['www.example.com. 60 IN A 192.0.2.7'])
    const front = await Front.start(t, `forward . ${to(unbound)}`)
    const plain = await front.ask('www.example.com')
    assert.equal(plain.records.answerCount, 1)
    assert.equal(plain.records.optAt, -1, 'the upstream’s OPT stays between the two of us')
    const secure = await front.ask('www.example.com', { dnssecOk: true })
    assert.equal(secure.records.answerCount, 1)
    assert.ok(secure.records.dnssecOk)
  })
})
