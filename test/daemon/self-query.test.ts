import assert from 'node:assert/strict'
import { test } from 'node:test'
import { selfLookUp, selfQuery } from '../../src/daemon/self-query.ts'
import { Clock } from '../../src/lib/clock.ts'
import { NetCounters } from '../../src/net/counters.ts'
import { Listeners } from '../../src/net/listeners.ts'
import type { Listener } from '../../src/net/open-listener.ts'
import { dgramBackend } from '../../src/net/udp-dgram.ts'
import { Protocol, type Query } from '../../src/serve/query.ts'
import { Flag, Rcode, Type } from '../../src/wire/codes.ts'
import { nameText } from '../../src/wire/question.ts'
import { nullLog } from '../helpers/null-log.ts'
import { answerWith, TestBlock } from '../telemetry/block.ts'
import { loop } from '../../src/plugins/loop/index.ts'
import { receive } from '../serve/fake-target.ts'
import { message } from '../wire/message.ts'

interface Behind {
  readonly ask: (name: string, mayRefuse?: boolean) => Promise<string | null>
  readonly questions: string[]
  readonly counters: NetCounters
}

/** What stands behind a listener whose address is nobody's: `rcode` decides over each question. */
function behind(host: string, rcode: (q: Query) => number): Behind {
  const counters = new NetCounters()
  const clock = new Clock()
  const udp = dgramBackend('a test')
  const listeners = new Listeners({ udp, clock, counters, log: nullLog })
  const questions: string[] = []
  const block = new TestBlock(loop, 'loop')
  block.answer = (q) => {
    const transport = q.target.protocol === Protocol.Udp ? 'UDP' : 'TCP'
    questions.push(`${nameText(q.wire, q.question)} ${q.question.type} ${transport}`)
    q.fail(rcode(q))
    assert.notEqual(q.flags & Flag.RD, 0)
    assert.equal(q.own, true)
  }
  const { dispatch } = block.server
  return {
    ask: (name, mayRefuse) => selfQuery(listeners, { host, port: 53, dispatch }, name, mayRefuse),
    questions,
    counters,
  }
}

for (const host of ['192.0.2.1', 'fd00::53', '']) {
  test(`behind "${host}" is asked over UDP and TCP, and nothing stays open`, async () => {
    const { ask, questions, counters } = behind(host, () => Rcode.NXDomain)
    assert.equal(await ask('kubernetes.default.svc.cluster.local.'), null)
    const question = `kubernetes.default.svc.cluster.local. ${Type.A}`
    assert.deepEqual(questions, [`${question} UDP`, `${question} TCP`])
    assert.deepEqual([counters.udpSockets, counters.tcpListeners, counters.tcpOpen], [0, 0, 0])
  })
}

test('SERVFAIL and REFUSED are no help, on whichever transport', async () => {
  const servfail = behind('192.0.2.1', () => Rcode.ServFail)
  assert.equal(
    await servfail.ask('a.test.'),
    'dns://192.0.2.1:53 answers SERVFAIL for a.test. over UDP',
  )
  const refused = behind('fd00::53', ({ target }) =>
    target.protocol === Protocol.Tcp ? Rcode.Refused : Rcode.NoError,
  )
  assert.equal(
    await refused.ask('a.test.'),
    'dns://[fd00::53]:53 answers REFUSED for a.test. over TCP',
  )
})

test('whoever else asks at the private listener is a client', async () => {
  const own: boolean[] = []
  const asks = ['a.test', 'A.test', 'a.test.evil', 'b.test', 'x.a.test', '.'].map((name) =>
    receive(message({ name })),
  )
  const listeners = {
    open(_host: string, _port: number, dispatch: (q: Query) => void): Promise<Listener> {
      for (const q of [...asks, receive(Buffer.alloc(12))]) dispatch(q)
      return Promise.reject(new Error('cannot open'))
    },
  }
  const dispatch = (q: Query): void => void own.push(q.own)
  const of = { host: '192.0.2.1', port: 53, dispatch }
  assert.equal(await selfQuery(listeners, of, 'a.test.'), 'cannot open')
  assert.deepEqual(own, [true, false, false, false, false, false, false])
})

test('REFUSED will do where blocks choose their clients, SERVFAIL will not', async () => {
  const refused = behind('192.0.2.1', () => Rcode.Refused)
  assert.equal(await refused.ask('a.test.', true), null)
  const failing = behind('192.0.2.1', () => Rcode.ServFail)
  assert.match((await failing.ask('a.test.', true)) ?? '', /answers SERVFAIL/)
})

test('a name that is none is said to be so', async () => {
  const { ask } = behind('192.0.2.1', () => Rcode.NoError)
  assert.match((await ask(`${'x'.repeat(64)}.`)) ?? '', /cannot be asked for "x{64}\.", which is/)
})

/** A stand-in for what is behind a listener: addresses of both families, or an rcode. */
function lookUp(host: string, answer: (q: Query) => void): Promise<readonly string[]> {
  const counters = new NetCounters()
  const udp = dgramBackend('a test')
  const listeners = new Listeners({ udp, clock: new Clock(), counters, log: nullLog })
  const block = new TestBlock(loop, 'loop')
  block.answer = (q) => {
    assert.equal(q.own, true)
    answer(q)
  }
  const { dispatch } = block.server
  return selfLookUp(listeners, { host, port: 53, dispatch }, 'kube-dns-pods.test.').finally(() =>
    assert.deepEqual([counters.udpSockets, counters.tcpListeners, counters.tcpOpen], [0, 0, 0]),
  )
}

/** Two records of A, one of AAAA. */
function pods(q: Query): void {
  const { type } = q.question
  const data = type === Type.A ? ['0a000001', '0a000002'] : [`fd${'0'.repeat(29)}1`]
  const answer = data.map((hex) => ({
    name: 'kube-dns-pods.test.',
    type,
    data: Buffer.from(hex, 'hex'),
  }))
  answerWith({ answer })(q)
}

for (const host of ['192.0.2.1', 'fd00::53']) {
  test(`addresses of both families are looked up behind ${host}`, async () => {
    const found = await lookUp(host, pods)
    assert.deepEqual(found, ['10.0.0.1', '10.0.0.2', 'fd00::1'])
  })
}

test('what only one family has is found, and nothing where there is nothing', async () => {
  const only = await lookUp('192.0.2.1', (q) => {
    if (q.question.type === Type.A) pods(q)
    else q.fail(Rcode.ServFail)
  })
  assert.deepEqual(only, ['10.0.0.1', '10.0.0.2'])
  for (const rcode of [Rcode.NXDomain, Rcode.NoError, Rcode.ServFail]) {
    assert.deepEqual(await lookUp('192.0.2.1', (q) => q.fail(rcode)), [])
  }
})
