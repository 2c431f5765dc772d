import assert from 'node:assert/strict'
import { test } from 'node:test'
import { consider, inspect } from '../../../src/plugins/forward/inspect.ts'
import { makePolicy } from '../../../src/plugins/forward/policy.ts'
import { Result, Transport, UpstreamCounters } from '../../../src/upstream/counters.ts'
import { Exchange } from '../../../src/upstream/exchange.ts'
import { LastFailure } from '../../../src/upstream/last-failure.ts'
import type { Upstream } from '../../../src/upstream/upstream.ts'

interface State {
  readonly down?: boolean
  readonly ready?: boolean
  readonly distrust?: string
}

/** What `inspect` asks of an upstream. */
function upstream(name: string, { down = false, ready = true, distrust }: State = {}): Upstream {
  return {
    name,
    counters: new UpstreamCounters(),
    lastFailure: new LastFailure(),
    distrust: distrust ?? null,
    over: (transport: Transport) => transport,
    isDown: () => down,
    isReady: () => ready,
    rtt: () => 1.5,
  } as unknown as Upstream
}

const manner = { failfast: false, forceTcp: true, policy: 'sequential' } as const

function considered(
  all: readonly Upstream[],
  policy: 'sequential' | 'round_robin' | 'random',
  failfast = false,
): (readonly [boolean, string])[] {
  const made = makePolicy(policy)
  return consider(all, { ...manner, policy, failfast }, made, 0).map(
    ({ isNext, why }) => [isNext, why] as const,
  )
}

test('inspect() tells what an upstream does, and what went wrong last', () => {
  const one = upstream('10.0.0.1:53')
  const { counters } = one
  counters.open[Transport.Tcp] = 2
  counters.inflight = 3
  counters.results[Result.Reply] = 10
  counters.results[Result.Timeout] = 4
  counters.results[Result.Superseded] = 100
  assert.deepEqual(inspect(one, manner, 5_000), {
    address: '10.0.0.1:53',
    transport: 'tcp',
    problem: null,
    connections: 2,
    inFlight: 3,
    rttMs: 1.5,
    answers: 10,
    failures: 4,
    lastFailure: null,
  })
  const x = new Exchange({
    replied: () => true,
    truncated() {},
    delayed() {},
    failed() {},
  })
  x.transport = Transport.Tcp
  one.lastFailure.note(x, Result.Refused, 'ECONNREFUSED', 4_000)
  assert.deepEqual(inspect(one, manner, 5_000).lastFailure, {
    what: 'dial tcp 10.0.0.1:53: connect: connection refused',
    agoMs: 1_000,
  })
  assert.equal(
    inspect(upstream('a', { down: true }), manner, 0).problem,
    'down: it does not answer health checks',
  )
  assert.equal(
    inspect(upstream('a', { distrust: 'expired' }), manner, 0).problem,
    'not trusted: expired',
  )
  assert.equal(inspect(one, { ...manner, forceTcp: false }, 0).transport, 'udp')
})

test('whose turn it is, by policy', () => {
  const three = ['a', 'b', 'c'].map((name) => upstream(name))
  const [first, ...others] = considered(three, 'sequential')
  assert.deepEqual(first, [true, 'policy sequential: the first that is up'])
  for (const other of others)
    assert.deepEqual(other, [false, 'policy sequential: only if those before it fail'])
  assert.deepEqual(
    considered(three, 'random').map(([isNext]) => isNext),
    [true, true, true],
  )
  const policy = makePolicy('round_robin')
  const turns = (): boolean[] =>
    consider(three, { ...manner, policy: 'round_robin' }, policy, 0).map(({ isNext }) => isNext)
  assert.deepEqual(turns(), [false, true, false])
  assert.deepEqual(turns(), [false, true, false])
  policy([], 3)
  assert.deepEqual(turns(), [false, false, true])
  assert.deepEqual(considered([upstream('a')], 'random'), [[true, 'the only one']])
  assert.deepEqual(considered([], 'round_robin'), [])
})

test('who is down or cannot be dialled is passed over, unless all are', () => {
  const down = upstream('a', { down: true })
  const stuck = upstream('b', { ready: false })
  const up = upstream('c')
  assert.deepEqual(considered([down, stuck, up], 'sequential'), [
    [false, 'passed over'],
    [false, 'passed over: its last connection failed, and another one is ready'],
    [true, 'policy sequential: the first that is up'],
  ])
  assert.deepEqual(considered([down, stuck], 'sequential')[1], [
    true,
    'policy sequential: the first that is up',
  ])
  assert.deepEqual(considered([down, down], 'random'), [
    [true, 'all are down: one at random gets a single try'],
    [true, 'all are down: one at random gets a single try'],
  ])
  assert.deepEqual(considered([down], 'random', true), [
    [false, 'all are down: none is asked (failfast_all_unhealthy_upstreams)'],
  ])
})
