import assert from 'node:assert/strict'
import { renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'

import { KeptStates } from '../../../src/daemon/kept-states.ts'
import { forwardCounters } from '../../../src/plugins/forward/counters.ts'
import { Result, upstreamCounters } from '../../../src/upstream/counters.ts'
import { Ede, Flag, Rcode, Type } from '../../../src/wire/codes.ts'
import { temporaryFolder } from '../../helpers/nsd.ts'
import { questionOf } from '../../wire/message.ts'
import {
  answerTo,
  type Asked,
  eventually,
  honest,
  type Script,
  silent,
  startScripted,
  withOpt,
} from '../../upstream/scripted.ts'
import { Front } from './harness.ts'
import { listFor } from './list.ts'

const refuse: Script = ({ wire, reply }) => reply(withOpt(answerTo(wire, 0x8185, 0)))
const nodata: Script = ({ wire, reply }) => reply(answerTo(wire, 0x8180, 0))
const at = ({ port }: { port: number }): string => `127.0.0.1:${port}`

describe('several upstreams', () => {
  test('one that is silent does not keep the client from the other’s answer', async (t) => {
    const dead = await startScripted(t, silent)
    const alive = await startScripted(t, honest)
    const front = await Front.start(t, `forward . ${at(dead)} ${at(alive)} {\npolicy sequential\n}`)
    for (const over of ['udp', 'tcp'] as const) {
      const reply = await front.ask('a.test', { over })
      assert.equal(reply.records.answerCount, 1)
      assert.ok(reply.took < 1500, `took ${reply.took}`)
    }
  })

  test('one that is asked still may have what the last one has not', async (t) => {
    const slow = await startScripted(t, silent)
    const other = await startScripted(t, refuse)
    const options = '{\npolicy sequential\nfailover REFUSED\n}'
    const front = await Front.start(t, `forward . ${at(slow)} ${at(other)} ${options}`)
    const answer = front.ask('a.test')
    await other.waitFor(1)
    await eventually(() => upstreamCounters.get(at(other)).inflight === 0, 'its reply')
    const [{ reply, wire }] = slow.asked as [Asked]
    reply(answerTo(wire))
    assert.equal((await answer).records.answerCount, 1)
  })

  test('one that refuses connections is passed over while it is being retried', async (t) => {
    const dead = await startScripted(t, silent)
    await dead.close()
    const alive = await startScripted(t, honest)
    const front = await Front.start(t, `forward . ${at(dead)} ${at(alive)} {\npolicy sequential\n}`)
    for (let i = 0; i < 20; i++) {
      const reply = await front.ask(`name-${i}.test`, { over: 'tcp' })
      assert.equal(reply.records.answerCount, 1)
      assert.ok(reply.took < 300, `took ${reply.took}`)
    }
  })

  test('health checks take a dead one out of service and put it back', async (t) => {
    const dead = await startScripted(t, silent)
    await dead.close()
    const alive = await startScripted(t, honest)
    const body = `forward . ${at(dead)} ${at(alive)} {
      policy sequential
      force_tcp
      max_fails 1
      health_check 60ms no_rec domain example.org
    }`
    const front = await Front.start(t, body)
    await front.ask('a.test')
    const down = `[WARNING] upstream ${at(dead)} over tcp is down: it does not answer health checks`
    await eventually(() => front.log.lines.includes(down), 'down')
    assert.ok(upstreamCounters.get(at(dead)).healthFailures >= 2)
    const again = await startScripted(t, honest, dead.port)
    const up = `[INFO] upstream ${at(dead)} over tcp is up again`
    await eventually(() => front.log.lines.includes(up), 'up')
    const probe = again.asked[0]!.wire
    assert.equal(probe.readUInt16BE(2), 0, 'no RD')
    assert.ok(probe.includes('example'))
    await front.ask('b.test')
    assert.ok(again.asked.some(({ wire }) => wire.includes('b\x04test')))
  })

  test('all down: one of them is asked anyway; with failfast nobody', async (t) => {
    const dead = await startScripted(t, silent)
    await dead.close()
    const common = 'force_tcp\nmax_fails 1\nhealth_check 50ms'
    const front = await Front.start(t, `forward . ${at(dead)} {\n${common}\n}`)
    await front.ask('a.test')
    await eventually(() => front.log.lines.some((line) => line.includes('is down')), 'down')
    const before = forwardCounters.allDown
    const tried = await front.ask('b.test')
    assert.match(tried.error!, /^dial tcp .*: connect: connection refused$/)
    assert.equal(forwardCounters.allDown, before + 1)
    const fast = await Front.start(
      t,
      `forward . ${at(dead)} {\n${common}\nfailfast_all_unhealthy_upstreams\n}`,
      front.states,
    )
    const given = await fast.ask('c.test', { edns: true })
    assert.equal(given.error, 'no healthy proxies')
    assert.equal(given.ede, Ede.NoReachableAuthority)
  })

  for (const over of ['udp', 'tcp'] as const) {
    for (const [what, make] of [
      ['another question', (query: Buffer) => answerTo(query).fill(0x78, 13, 14)],
      ['a cut record', (query: Buffer) => answerTo(query).subarray(0, -3)],
    ] as const) {
      test(`one that answers everything over ${over} with ${what} is down, and failfast sets in`, async (t) => {
        const odd = await startScripted(t, ({ wire, reply }) => reply(make(wire)))
        const body = `forward . ${at(odd)} {
          max_fails 1
          health_check 50ms
          failfast_all_unhealthy_upstreams
          ${over === 'tcp' ? 'force_tcp' : ''}
        }`
        const front = await Front.start(t, body)
        await front.ask('a.test', { age: 3400 })
        const down = `[WARNING] upstream ${at(odd)} over ${over} is down: it does not answer health checks`
        await eventually(() => front.log.lines.includes(down), 'down')
        const given = await front.ask('b.test')
        assert.equal(given.error, 'no healthy proxies')
        assert.ok(given.took < 1000, `took ${given.took}`)
        odd.script = honest
        const up = `[INFO] upstream ${at(odd)} over ${over} is up again`
        await eventually(() => front.log.lines.includes(up), 'up')
        assert.equal((await front.ask('c.test')).records.answerCount, 1)
      })
    }
  }

  for (const [what, flags] of [
    ['REFUSED', 0x8185],
    ['SERVFAIL', 0x8182],
  ] as const) {
    const say = ({ wire, reply }: Asked): void => reply(withOpt(answerTo(wire, flags, 0)))

    test(`${what} to a second attempt waits for what the first one brings`, async (t) => {
      const busy = await startScripted(t, silent)
      const front = await Front.start(t, `forward . ${at(busy)} {\nmax_fails 0\n}`)
      const answer = front.ask('a.test')
      await busy.waitFor(2)
      say(busy.asked[1]!)
      const { results } = upstreamCounters.get(at(busy))
      await eventually(() => results[Result.Reply] === 1, 'its reply')
      busy.asked[0]!.reply(answerTo(busy.asked[0]!.wire))
      assert.equal((await answer).records.answerCount, 1)
    })

    test(`${what} to all attempts is passed on with the last of them`, async (t) => {
      const busy = await startScripted(t, silent)
      const front = await Front.start(t, `forward . ${at(busy)} {\nmax_fails 0\n}`)
      const answer = front.ask('a.test')
      await busy.waitFor(2)
      busy.script = say
      for (const asked of busy.asked) say(asked)
      assert.equal((await answer).rcode, flags & 15)
    })

    test(`${what} is passed on, or leads to the next forward, after one attempt's time`, async (t) => {
      const busy = await startScripted(t, silent)
      const other = await startScripted(t, honest)
      const options = 'max_fails 0\nread_timeout 200ms\n'
      const plain = await Front.start(t, `forward . ${at(busy)} {\n${options}}`)
      const answer = plain.ask('a.test')
      await busy.waitFor(2)
      say(busy.asked[1]!)
      assert.equal((await answer).rcode, flags & 15)
      const before = busy.asked.length
      const handing = await Front.start(
        t,
        `forward . ${at(busy)} {\n${options}next ${what}\n}\nforward . ${at(other)}`,
      )
      const handed = handing.ask('b.test')
      await busy.waitFor(before + 2)
      assert.equal(other.asked.length, 0)
      say(busy.asked[before + 1]!)
      assert.equal((await handed).records.answerCount, 1)
    })
  }

  test('a truncated answer is better than an error that came before it', async (t) => {
    const busy = await startScripted(t, silent)
    const front = await Front.start(t, `forward . ${at(busy)} {\nmax_fails 0\n}`)
    const answer = front.ask('a.test')
    await busy.waitFor(2)
    refuse(busy.asked[1]!, 1)
    const { results } = upstreamCounters.get(at(busy))
    await eventually(() => results[Result.Reply] === 1, 'its reply')
    busy.asked[0]!.reply(answerTo(busy.asked[0]!.wire, 0x8380))
    const { flags, rcode } = await answer
    assert.deepEqual([rcode, flags & Flag.TC], [Rcode.NoError, Flag.TC])
  })

  test('failover asks each of them once and passes on the last word', async (t) => {
    const first = await startScripted(t, refuse)
    const second = await startScripted(t, ({ wire, reply }) =>
      reply(withOpt(answerTo(wire, 0x8182, 0))),
    )
    const third = await startScripted(t, honest)
    const to = [first, second, third].map(at).join(' ')
    const body = `forward . ${to} {\npolicy sequential\nfailover REFUSED servfail\n}`
    const front = await Front.start(t, body)
    assert.equal((await front.ask('a.test')).records.answerCount, 1)
    third.script = refuse
    const reply = await front.ask('b.test')
    assert.equal(reply.rcode, Rcode.Refused)
    assert.deepEqual(
      [first, second, third].map(({ asked }) => asked.length),
      [2, 2, 2],
    )
  })

  test('a failover reply is kept for the case that nobody has a better one', async (t) => {
    const first = await startScripted(t, refuse)
    const dead = await startScripted(t, silent)
    await dead.close()
    const body = `forward . ${at(first)} ${at(dead)} {
      policy sequential
      failover REFUSED
      max_connect_attempts 1
    }`
    const front = await Front.start(t, body)
    assert.equal((await front.ask('a.test')).rcode, Rcode.Refused)
  })

  test('max_connect_attempts bounds the attempts of a query', async (t) => {
    const dead = await startScripted(t, silent)
    await dead.close()
    const alive = await startScripted(t, honest)
    const front = await Front.start(
      t,
      `forward . ${at(dead)} ${at(alive)} {\npolicy sequential\nmax_connect_attempts 1\n}`,
    )
    assert.equal((await front.ask('a.test', { over: 'tcp' })).rcode, Rcode.ServFail)
    assert.equal(alive.asked.length, 0)
  })
})

describe('several forward directives in a block', () => {
  test('the first whose zone holds the name and does not except it is used', async (t) => {
    const cluster = await startScripted(t, honest)
    const other = await startScripted(t, honest)
    const body = `forward cluster.local ${at(cluster)} {
        except not.cluster.local CLUSTER.local
      }
      forward 10.0.0.0/8 ${at(cluster)}
      forward . ${at(other)} {
        except nowhere.test
      }`
    const front = await Front.start(t, body)
    const goes = async (name: string): Promise<string> => {
      const [before, otherBefore] = [cluster.asked.length, other.asked.length]
      const reply = await front.ask(name)
      if (cluster.asked.length > before) return 'cluster'
      return other.asked.length > otherBefore ? 'other' : reply.error!
    }
    assert.equal(await goes('Cluster.Local'), 'cluster', 'FROM itself is never excepted')
    assert.equal(await goes('a.cluster.local'), 'other')
    assert.equal(await goes('3.2.1.10.in-addr.arpa'), 'cluster')
    assert.equal(await goes('example.com'), 'other')
    assert.equal(await goes('nowhere.test'), 'plugin/forward: no next plugin found')
    assert.equal(await goes('xnowhere.test'), 'other')
  })

  test('next hands certain rcodes and NODATA to the following one', async (t) => {
    const first = await startScripted(t, refuse)
    const second = await startScripted(t, honest)
    const body = `forward . ${at(first)} {\nnext REFUSED NXDOMAIN\nnext_on_nodata\n}
      forward . ${at(second)}`
    const front = await Front.start(t, body)
    assert.equal((await front.ask('a.test')).records.answerCount, 1)
    first.script = nodata
    assert.equal((await front.ask('b.test')).records.answerCount, 1)
    first.script = ({ wire, reply }) => reply(answerTo(wire, 0x8182, 0))
    assert.equal((await front.ask('c.test')).rcode, Rcode.ServFail)
    assert.equal(second.asked.length, 2)
  })

  test('next without another forward behind it changes nothing', async (t) => {
    const only = await startScripted(t, refuse)
    const front = await Front.start(t, `forward . ${at(only)} {\nnext REFUSED\n}`)
    assert.equal((await front.ask('a.test')).rcode, Rcode.Refused)
  })
})

test('max_concurrent refuses what is beyond it, and takes queries again afterwards', async (t) => {
  const slow = await startScripted(t, silent)
  const front = await Front.start(t, `forward . ${at(slow)} {\nmax_concurrent 2\n}`)
  const waiting = ['a.test', 'b.test'].map((name) => front.ask(name))
  const before = forwardCounters.rejected
  const refused = await front.ask('c.test', { edns: true })
  assert.equal(refused.rcode, Rcode.Refused)
  assert.equal(refused.error, 'concurrent queries exceeded maximum 2')
  assert.equal(forwardCounters.rejected, before + 1)
  await slow.waitFor(2)
  slow.script = honest
  for (const asked of slow.asked) honest(asked, 0)
  await Promise.all(waiting)
  assert.equal((await front.ask('d.test')).rcode, Rcode.NoError)
})

describe('where upstreams come from', () => {
  const write = (path: string, text: string): void => {
    writeFileSync(`${path}.new`, text)
    renameSync(`${path}.new`, path)
  }

  test('a file that changes is read again; an empty one changes nothing', async (t) => {
    const path = join(temporaryFolder(t), 'resolv.conf')
    write(path, 'search example.com\nnameserver 127.0.0.1\n')
    const { list, log } = listFor(path)
    t.after(() => list.stop())
    await list.start()
    const names = (): string[] => list.current.map(({ name }) => name)
    assert.deepEqual(names(), ['127.0.0.1:53'])
    write(path, 'nameserver 127.0.0.2\nnameserver ::1\n')
    await eventually(() => names().length === 2, 'the change')
    assert.deepEqual(names(), ['127.0.0.2:53', '[::1]:53'])
    write(path, '# nothing left\n')
    await eventually(() => log.lines.length === 2, 'the warning')
    assert.deepEqual(names(), ['127.0.0.2:53', '[::1]:53'])
    assert.match(
      log.lines[1]!,
      /^\[WARNING\] no nameservers found in ".*resolv.conf": .*still asking/,
    )
  })

  test('one that is named twice is there once, in its first place', async (t) => {
    const path = join(temporaryFolder(t), 'resolv.conf')
    write(path, 'nameserver 127.0.0.1\nnameserver 127.0.0.2\n')
    const { list } = listFor(`127.0.0.3 127.0.0.2:53 ${path} 127.0.0.3:53 127.0.0.3:54`)
    assert.deepEqual(
      list.current.map(({ name }) => name),
      ['127.0.0.3:53', '127.0.0.2:53', '127.0.0.1:53', '127.0.0.3:54'],
    )
  })

  test('a name is resolved at start', async (t) => {
    const upstream = await startScripted(t, honest)
    const front = await Front.start(t, `forward . localhost:${upstream.port} {\nprefer_udp\n}`)
    assert.equal((await front.ask('a.test')).records.answerCount, 1)
  })

  test('a name without an address ends the start with a reason and a remedy', async (t) => {
    const resolver = await startScripted(t, ({ wire, reply }) => reply(answerTo(wire, 0x8183, 0)))
    await assert.rejects(
      Front.start(t, `forward . dns.nowhere.test {\nresolver ${at(resolver)}\n}`),
      /^Error: Cannot resolve upstream "dns.nowhere.test": .*; name its addresses instead/,
    )
  })

  test('a name is asked from the resolvers given', async (t) => {
    const upstream = await startScripted(t, honest)
    const resolver = await startScripted(t, ({ wire, reply }) => {
      const answer = answerTo(wire)
      // The A record is 127.0.0.1; there is no AAAA.
      Buffer.from([127, 0, 0, 1]).copy(answer, answer.length - 4)
      reply(questionOf(wire).type === Type.A ? answer : answerTo(wire, 0x8180, 0))
    })
    const body = `forward . dns.test:${upstream.port} {\nresolver ${at(resolver)}\n}`
    const front = await Front.start(t, body)
    assert.equal((await front.ask('a.test')).records.answerCount, 1)
  })
})

describe('a reload', () => {
  test('keeps the connections to an upstream that stays, and closes those of one that goes', async (t) => {
    const stays = await startScripted(t, honest)
    const goes = await startScripted(t, honest)
    const states = new KeptStates()
    const body = (...to: { port: number }[]): string =>
      `forward . ${to.map(at).join(' ')} {\nforce_tcp\npolicy round_robin\n}`
    const before = await Front.start(t, body(stays, goes), states)
    await Promise.all(['a.test', 'b.test'].map((name) => before.ask(name)))
    await eventually(() => stays.open === 2 && goes.open === 2, 'connections')
    const after = await Front.start(t, body(stays), states)
    await before.stop()
    await eventually(() => goes.open === 0, 'closed')
    assert.equal((await after.ask('c.test')).records.answerCount, 1)
    assert.equal(stays.accepted, 2)
  })

  test('lets queries under way come to their end', async (t) => {
    const upstream = await startScripted(t, silent)
    const front = await Front.start(t, `forward . ${at(upstream)} {\nforce_tcp\n}`)
    const reply = front.ask('a.test')
    await upstream.waitFor(1)
    await front.stop()
    honest(upstream.asked[0]!, 0)
    assert.equal((await reply).records.answerCount, 1)
    await eventually(() => upstream.open === 0, 'closed')
  })
})
