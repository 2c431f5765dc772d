import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { acl } from '../../../src/plugins/acl/index.ts'
import { metrics } from '../../../src/plugins/acl/metrics.ts'
import { cache } from '../../../src/plugins/cache/index.ts'
import { Query } from '../../../src/serve/query.ts'
import { Flag, Rcode, Type } from '../../../src/wire/codes.ts'
import { readFlags } from '../../../src/wire/header.ts'
import { directivesOf } from '../../helpers/directives.ts'
import { testBlock } from '../../helpers/services.ts'
import { answerWith, TestBlock, TestClient } from '../../telemetry/block.ts'
import { a, message, opt, recordsOf, type TestMessage } from '../../wire/message.ts'

/** A socket address as the kernel writes it. */
function sockaddr(address: string): Buffer {
  const client = Buffer.alloc(28)
  client[0] = address.includes(':') ? 10 : 2
  if (!address.includes(':')) client.set(address.split('.').map(Number), 4)
  else if (address.startsWith('::ffff:')) {
    client.fill(0xff, 18, 20)
    client.set(address.slice(7).split('.').map(Number), 20)
  } else {
    client.write('20010db8', 8, 'hex')
    client[23] = Number(address.at(-1))
  }
  return client
}

/** The outcome for a client: 'answer', an rcode with its extended error, or 'nothing'. */
class Bench {
  readonly block: TestBlock
  asked = 0
  last: Buffer = Buffer.alloc(0)

  constructor(lines: string, zones = ['.'], below: readonly string[] = [], view = '') {
    const context = testBlock()
    this.block = new TestBlock(acl, lines, {
      zones,
      view,
      below: below.map((line) => ({
        name: 'cache',
        stage: cache.setup(directivesOf('cache', line), context),
      })),
    })
    this.block.answer = (q) => {
      this.asked++
      answerWith({ answer: [a('www.example.com')] })(q)
    }
  }

  ask(address: string, m: TestMessage = {}, own = false): string {
    const client = new TestClient()
    const additional = m.additional ?? [opt()]
    const wire = message({ flags: Flag.RD, ...m, additional })
    const q = new Query(client)
    q.reset(wire, wire.length, 0)
    q.own = own
    q.client = sockaddr(address)
    this.block.server.dispatch(q)
    const [reply] = client.replies
    if (reply === undefined) return 'nothing'
    this.last = reply
    const { answerCount, ede } = recordsOf(reply)
    return answerCount > 0 ? 'answer' : `${readFlags(reply) & 15} ${ede}`
  }
}

const BLOCKED = `${Rcode.Refused} 15`
const FILTERED = `${Rcode.NoError} 17`

describe('acl', () => {
  test('blocks, filters, drops and allows by network', () => {
    const bench = new Bench(`acl {
      allow net 192.0.2.1 2001:db8::1
      block net 192.0.2.0/24 2001:db8::/124
      filter net 198.51.100.0/24
      drop net 203.0.113.7
    }`)
    for (const [client, outcome] of [
      ['192.0.2.1', 'answer'],
      ['192.0.2.2', BLOCKED],
      ['2001:db8::1', 'answer'],
      ['2001:db8::2', BLOCKED],
      ['::ffff:192.0.2.2', BLOCKED],
      ['198.51.100.255', FILTERED],
      ['203.0.113.7', 'nothing'],
      ['203.0.113.8', 'answer'],
    ] as const) {
      assert.equal(bench.ask(client), outcome, client)
    }
  })

  test('a reply of its own has the question and the client flags, and OPT for who has it', () => {
    const bench = new Bench('acl {\nblock type A\nfilter\n}')
    bench.ask('192.0.2.1', { id: 7, name: 'wWw.a.test', additional: [] })
    const question = message({
      id: 7,
      name: 'wWw.a.test',
      flags: Flag.QR | Flag.RD | Rcode.Refused,
    })
    assert.deepEqual(bench.last, question)
    bench.ask('192.0.2.1', { id: 8, type: Type.AAAA, additional: [] })
    assert.deepEqual(bench.last, message({ id: 8, type: Type.AAAA, flags: Flag.QR | Flag.RD }))
  })

  test('knows types; those without a name are for all types alone', () => {
    const bench = new Bench(
      'acl {\nfilter type AAAA TXT\ndrop type ANY\nblock type * net 10.0.0.1\n}',
    )
    const outcomes = (client: string): string[] =>
      [Type.A, Type.AAAA, Type.TXT, Type.ANY, 65_280].map((type) => bench.ask(client, { type }))
    assert.deepEqual(outcomes('10.0.0.2'), ['answer', FILTERED, FILTERED, 'nothing', 'answer'])
    assert.deepEqual(outcomes('10.0.0.1'), [BLOCKED, FILTERED, FILTERED, 'nothing', BLOCKED])
  })

  test('asks one acl after the other, of those whose zones have the name', () => {
    const bench = new Bench(`acl a.test {
      allow net 10.0.0.1
      filter net 10.0.0.2
    }
    acl b.test sub.a.test {
      block
    }
    acl {
      drop net 10.0.0.1 10.0.0.3
    }`)
    for (const [client, name, outcome] of [
      ['10.0.0.1', 'x.a.test', 'answer'],
      ['10.0.0.2', 'x.A.test', FILTERED],
      ['10.0.0.3', 'x.a.test', 'nothing'],
      ['10.0.0.4', 'x.a.test', 'answer'],
      ['10.0.0.1', 'sub.a.test', 'answer'],
      ['10.0.0.4', 'sub.a.test', BLOCKED],
      ['10.0.0.1', 'b.test', BLOCKED],
      ['10.0.0.1', 'notb.test', 'nothing'],
    ] as const) {
      assert.equal(bench.ask(client, { name }), outcome, `${client} ${name}`)
    }
  })

  test('guards what is cached', () => {
    const bench = new Bench('acl {\nblock net 10.0.0.2\n}', ['.'], ['cache'])
    assert.deepEqual(
      ['10.0.0.2', '10.0.0.1', '10.0.0.3', '10.0.0.2', '10.0.0.1'].map((client) =>
        bench.ask(client),
      ),
      [BLOCKED, 'answer', 'answer', BLOCKED, 'answer'],
    )
    assert.equal(bench.asked, 1)
  })

  test("never judges the daemon's question to itself", () => {
    for (const action of ['block', 'filter', 'drop']) {
      const bench = new Bench(`acl {\n${action}\n}`)
      assert.notEqual(bench.ask('127.0.0.1'), 'answer')
      assert.equal(bench.ask('127.0.0.1', {}, true), 'answer')
    }
  })

  test('counts by server, by the longest zone that has the name, and by view', () => {
    const bench = new Bench(
      'acl count.test sub.count.test {\nblock type A\nfilter type TXT\ndrop type ANY\n}',
      ['.'],
      [],
      'v',
    )
    const before = samples()
    for (const [type, name] of [
      [Type.A, 'count.test'],
      [Type.A, 'x.sub.count.test'],
      [Type.TXT, 'count.test'],
      [Type.ANY, 'count.test'],
      [Type.AAAA, 'count.test'],
      [Type.A, 'test'],
    ] as const) {
      bench.ask('10.0.0.1', { type, name })
    }
    bench.ask('10.0.0.1', { name: 'count.test' }, true)
    const grown = [...samples()].filter(([key, value]) => value !== (before.get(key) ?? 0))
    assert.deepEqual(
      grown.map(([key, value]) => [key, value - (before.get(key) ?? 0)]),
      [
        ['coredns_acl_blocked_requests_total dns://:53,count.test.,v', 1],
        ['coredns_acl_blocked_requests_total dns://:53,sub.count.test.,v', 1],
        ['coredns_acl_filtered_requests_total dns://:53,count.test.,v', 1],
        ['coredns_acl_dropped_requests_total dns://:53,count.test.,v', 1],
        ['coredns_acl_allowed_requests_total dns://:53,v', 2],
      ],
    )
  })
})

function samples(): Map<string, number> {
  const found = new Map<string, number>()
  for (const metric of metrics) {
    metric.collect((labels, value) => {
      assert.equal(labels.length, metric.labels.length)
      found.set(`${metric.name} ${labels.join()}`, value as number)
    })
  }
  return found
}
