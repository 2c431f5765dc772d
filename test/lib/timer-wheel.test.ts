import assert from 'node:assert/strict'
import { mock, test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { MessageChannel } from 'node:worker_threads'

import fc from 'fast-check'

import { Clock } from '../../src/lib/clock.ts'
import { ManualClock } from '../helpers/manual-clock.ts'
import { TICK_MS, Timer, TimerWheel } from '../../src/lib/timer-wheel.ts'

test('a timer expires once, not before its time and at most a tick late', () => {
  const clock = new ManualClock(1_000_003)
  const wheel = new TimerWheel(clock, false)
  let fired = 0
  const timer = new Timer(() => fired++)
  wheel.set(timer, 25)
  clock.advance(24)
  wheel.advance()
  assert.equal(fired, 0)
  assert.ok(timer.isSet)
  clock.advance(1 + TICK_MS)
  wheel.advance()
  assert.equal(fired, 1)
  assert.ok(!timer.isSet)
  clock.advance(100_000)
  wheel.advance()
  assert.equal(fired, 1)
})

test('set() moves a timer that is set; clear() ends it, also twice', () => {
  const clock = new ManualClock()
  const wheel = new TimerWheel(clock, false)
  let fired = 0
  const timer = new Timer(() => fired++)
  wheel.set(timer, 50)
  wheel.set(timer, 500)
  clock.advance(100)
  wheel.advance()
  assert.equal(fired, 0)
  timer.clear()
  timer.clear()
  clock.advance(1000)
  wheel.advance()
  assert.equal(fired, 0)
})

test('an expiring timer may set itself, and clear one that is due at the same time', () => {
  const clock = new ManualClock()
  const wheel = new TimerWheel(clock, false)
  const times: number[] = []
  const again = new Timer(() => {
    times.push(clock.now)
    other.clear()
    if (times.length < 3) wheel.set(again, 0)
  })
  const other = new Timer(() => assert.fail('it was cleared'))
  wheel.set(again, 10)
  wheel.set(other, 10)
  for (let i = 0; i < 10; i++) {
    clock.advance(10)
    wheel.advance()
  }
  assert.equal(times.length, 3)
})

test('the wheel runs on one interval, which stops when nothing is left', async (t) => {
  mock.timers.enable({ apis: ['setInterval'] })
  t.after(() => mock.timers.reset())
  const clock = new ManualClock()
  const wheel = new TimerWheel(clock)
  let fired = 0
  const timer = new Timer(() => fired++)
  const tick = async (): Promise<void> => {
    clock.advance(TICK_MS)
    mock.timers.tick(TICK_MS)
    await turn()
  }
  wheel.set(timer, 20)
  for (let i = 0; i < 4; i++) await tick()
  assert.equal(fired, 1)
  // Much later, after a time without any tick.
  clock.advance(60_000)
  wheel.set(timer, 20)
  await tick()
  assert.equal(fired, 1)
  for (let i = 0; i < 3; i++) await tick()
  assert.equal(fired, 2)
})

test('after a stall, what has come in is seen before the deadlines that have passed', async (t) => {
  const { port1, port2 } = new MessageChannel()
  t.after(() => port1.close())
  const wheel = new TimerWheel(new Clock())
  const order: string[] = []
  const done = new Promise<void>((resolve) => {
    wheel.set(
      new Timer(() => {
        order.push('deadline')
        resolve()
      }),
      20,
    )
  })
  port2.on('message', () => order.push('message'))
  setTimeout(() => {
    const until = performance.now() + 60
    while (performance.now() < until);
    port1.postMessage('')
  }, 5)
  await done
  assert.deepEqual(order, ['message', 'deadline'])
})

test('what passes while sockets are read has to wait, for so has what came meanwhile', async (t) => {
  mock.timers.enable({ apis: ['setInterval'] })
  t.after(() => mock.timers.reset())
  const clock = new ManualClock()
  const wheel = new TimerWheel(clock)
  let fired = 0
  wheel.set(new Timer(() => fired++), 50)
  assert.equal(wheel.readUntil, clock.now)
  assert.equal(wheel.attended(1_000), 1_000)
  const tick = async (reading: number): Promise<void> => {
    clock.advance(TICK_MS)
    mock.timers.tick(TICK_MS)
    clock.advance(reading)
    await turn()
  }
  await tick(100)
  assert.equal(fired, 0)
  assert.equal(wheel.readUntil, clock.now - 100, 'the loop is held up')
  assert.equal(wheel.attended(1_000), 0)
  await tick(0)
  assert.equal(fired, 1)
  wheel.set(new Timer(() => {}), 1_000)
  await tick(5)
  assert.equal(wheel.readUntil, clock.now)
  assert.equal(wheel.attended(1_000), TICK_MS + 5)
  assert.equal(wheel.attended(7), 7)
})

test('a real clock moves the wheel', async () => {
  const wheel = new TimerWheel(new Clock())
  const started = performance.now()
  const keepAlive = setTimeout(() => {}, 5000)
  await new Promise<void>((resolve) => wheel.set(new Timer(resolve), 30))
  clearTimeout(keepAlive)
  assert.ok(performance.now() - started >= 29)
})

/** Steps of a life with ten timers; pauses may be longer than a round of the wheel. */
const script = fc.array(
  fc.oneof(
    fc.record({ do: fc.constant('set' as const), timer: fc.nat(9), ms: fc.nat(12_000) }),
    fc.record({ do: fc.constant('clear' as const), timer: fc.nat(9) }),
    fc.record({
      do: fc.constant('pass' as const),
      ms: fc.oneof(fc.double({ min: 0, max: 50, noNaN: true }), fc.nat(20_000)),
    }),
  ),
  { maxLength: 200 },
)

test('timers are never early, never lost, and at most a tick late', () => {
  fc.assert(
    fc.property(fc.double({ min: 0, max: 1e6, noNaN: true }), script, (start, steps) => {
      const clock = new ManualClock(start)
      const wheel = new TimerWheel(clock, false)
      const due = new Array<number | null>(10).fill(null)
      const timers = due.map(
        (_, i) =>
          new Timer(() => {
            const time = due[i] ?? null
            assert.ok(time !== null, 'expired without being set')
            assert.ok(clock.now >= time, `early by ${time - clock.now} ms`)
            due[i] = null
          }),
      )
      for (const step of steps) {
        if (step.do === 'set') {
          wheel.set(timers[step.timer]!, step.ms)
          due[step.timer] = clock.now + step.ms
        } else if (step.do === 'clear') {
          timers[step.timer]!.clear()
          due[step.timer] = null
        } else {
          clock.advance(step.ms)
          wheel.advance()
          for (const time of due) {
            assert.ok(time === null || clock.now < time + 2 * TICK_MS, 'lost or late')
          }
        }
        due.forEach((time, i) => assert.equal(timers[i]!.isSet, time !== null))
      }
    }),
  )
})
