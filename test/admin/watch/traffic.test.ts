import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Traffic } from '../../../src/admin/api.ts'
import { TrafficHistory } from '../../../src/admin/watch/traffic.ts'
import { Histogram } from '../../../src/lib/counters.ts'
import type { Emit, MetricSpec } from '../../../src/lib/metrics.ts'

const START = Date.UTC(2026, 10, 29, 3)

/** Counters and a clock that a test moves. */
class Counted {
  now = START
  queries = 0
  hits = 0
  readonly rcodes = new Map<string, number>()
  readonly durations = new Histogram([0.001, 0.1])
  readonly history: TrafficHistory

  constructor() {
    this.history = new TrafficHistory([0.001, 0.1], {
      metrics: () => this.#metrics(),
      queries: () => this.queries,
      now: () => this.now,
    })
  }

  #metrics(): MetricSpec[] {
    const metric = (name: string, labels: string[], collect: (emit: Emit) => void): MetricSpec => {
      return { name, help: '', type: 'counter', labels, collect }
    }
    return [
      metric('coredns_cache_hits_total', ['type'], (emit) => {
        emit(['success'], this.hits)
        emit(['denial'], this.hits)
      }),
      metric('coredns_dns_responses_total', ['zone', 'rcode'], (emit) => {
        for (const [rcode, count] of this.rcodes) {
          emit(['.', rcode], count)
          emit(['test.', rcode], count)
        }
      }),
      metric('coredns_dns_request_duration_seconds', ['zone'], (emit) => {
        emit(['.'], this.durations)
      }),
      metric('coredns_other_total', [], (emit) => emit([], 1_000)),
    ]
  }

  /** Half seconds, as the daemon has them. */
  pass(seconds: number): void {
    for (let i = 0; i < 2 * seconds; i++) {
      this.now += 500
      this.history.tick()
    }
  }

  come(queries: number, rcode = 'NOERROR', seconds = 0.0001): void {
    this.queries += queries
    this.hits += queries / 2
    this.rcodes.set(rcode, (this.rcodes.get(rcode) ?? 0) + queries / 2)
    this.durations.observe(seconds, queries)
  }

  read(): Traffic {
    return this.history.read()
  }
}

describe('traffic', () => {
  test('is what came in each step of five seconds', () => {
    const counted = new Counted()
    counted.pass(5)
    counted.come(10)
    counted.pass(4)
    counted.come(2, 'NXDOMAIN', 3)
    counted.pass(1)
    counted.come(4)
    const { bounds, stepSeconds, steps, total } = counted.read()
    assert.equal(stepSeconds, 5)
    assert.deepEqual(bounds, [0.001, 0.1])
    assert.deepEqual(steps, [
      { at: '2026-11-29T03:00:00.000Z', queries: 0, hits: 0, rcodes: {}, latency: [0, 0, 0] },
      {
        at: '2026-11-29T03:00:05.000Z',
        queries: 12,
        hits: 12,
        rcodes: { NOERROR: 10, NXDOMAIN: 2 },
        latency: [10, 0, 2],
      },
    ])
    assert.deepEqual(total, {
      at: '2026-11-29T03:00:10.000Z',
      queries: 16,
      hits: 16,
      rcodes: { NOERROR: 14, NXDOMAIN: 2 },
      latency: [14, 0, 2],
    })
  })

  test('of ten minutes is kept, and no more', () => {
    const counted = new Counted()
    for (let i = 0; i < 130; i++) {
      counted.come(2 * i)
      counted.pass(5)
    }
    const { steps } = counted.read()
    assert.equal(steps.length, 120)
    assert.deepEqual(
      steps.map(({ queries }) => queries),
      Array.from({ length: 120 }, (_, i) => 2 * (i + 10)),
    )
    assert.equal(steps[0]!.at, new Date(START + 50_000).toISOString())
  })

  test('was nothing while the process was stopped, for an hour even', () => {
    const counted = new Counted()
    counted.come(2)
    counted.now += 17_000
    counted.history.tick()
    const queries = (): number[] => counted.read().steps.map((step) => step.queries)
    assert.deepEqual(queries(), [0, 0, 2])
    counted.come(4)
    counted.now += 3_600_000
    assert.deepEqual(queries().slice(-3), [0, 0, 4])
    assert.equal(counted.read().steps.length, 120)
  })

  test('goes on where the clock is set back', () => {
    const counted = new Counted()
    counted.pass(7)
    counted.come(2)
    counted.now -= 60_000
    counted.pass(6)
    assert.equal(counted.read().steps.at(-1)?.queries, 2)
  })

  test('has room for rcodes that an upstream makes up', () => {
    const counted = new Counted()
    for (let i = 0; i < 100; i++) counted.come(2, `RCODE${i}`)
    counted.pass(5)
    const [step] = counted.read().steps
    assert.equal(Object.keys(step!.rcodes).length, 32)
    assert.equal(step!.queries, 200)
  })
})
