import assert from 'node:assert/strict'
import { test } from 'node:test'
import { errors } from '../../../src/plugins/errors/index.ts'
import type { Query } from '../../../src/serve/query.ts'
import { areStacksTraced } from '../../../src/telemetry/stack-traces.ts'
import { Rcode, Type } from '../../../src/wire/codes.ts'
import { answerWith, TestBlock } from '../../telemetry/block.ts'

const failing =
  (error: string) =>
  (q: Query): void =>
    q.fail(Rcode.ServFail, error)

test("an error is logged in CoreDNS's form, with the fields of the query", () => {
  const block = new TestBlock(errors, 'errors')
  block.ask('X.Dead.test', failing('read udp 10.0.0.1:53: connection refused'), { type: Type.AAAA })
  assert.deepEqual(block.log.lines, [
    {
      level: 'error',
      text: 'plugin/errors: 2 x.dead.test. AAAA: read udp 10.0.0.1:53: connection refused',
      fields: { name: 'x.dead.test.', type: 'AAAA', rcode: 'SERVFAIL' },
    },
  ])
})

test('a query without an error is not logged, whatever its rcode is', () => {
  const block = new TestBlock(errors, 'errors')
  block.ask('a.test', answerWith({ flags: 0x8183 }))
  block.ask('a.test', (q) => q.fail(Rcode.Refused))
  assert.deepEqual(block.log.texts, [])
})

test('consolidate counts what the first matching pattern matches and sums it up at its level', (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const block = new TestBlock(
    errors,
    'errors {\nconsolidate 1m "timeout$" warning\nconsolidate 5s ".*"\n}',
  )
  for (let i = 0; i < 3; i++) block.ask('a.test', failing('i/o timeout'))
  block.ask('a.test', failing('no route'))
  assert.deepEqual(block.log.texts, [])
  t.mock.timers.tick(5_000)
  assert.deepEqual(block.log.texts, ["error plugin/errors: 1 errors like '.*' occurred in last 5s"])
  block.ask('a.test', failing('i/o timeout'))
  t.mock.timers.tick(55_000)
  const summary = "warning plugin/errors: 4 errors like 'timeout$' occurred in last 1m0s"
  assert.equal(block.log.texts[1], summary)
  t.mock.timers.tick(3_600_000)
  assert.equal(block.log.texts.length, 2)
})

test('show_first logs the first at once and sums up only where more have come', (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const block = new TestBlock(errors, 'errors {\nconsolidate 10s timeout info show_first\n}')
  block.ask('a.test', failing('timeout'))
  t.mock.timers.tick(10_000)
  assert.deepEqual(block.log.texts, ['info plugin/errors: 2 a.test. A: timeout'])
  block.ask('b.test', failing('timeout'))
  block.ask('c.test', failing('timeout'))
  t.mock.timers.tick(10_000)
  assert.deepEqual(block.log.texts.slice(1), [
    'info plugin/errors: 2 b.test. A: timeout',
    "info plugin/errors: 2 errors like 'timeout' occurred in last 10s",
  ])
})

test('what is only counted so far is written when the stage stops', async () => {
  const block = new TestBlock(errors, 'errors {\nconsolidate 1h timeout\n}')
  block.ask('a.test', failing('timeout'))
  block.ask('a.test', failing('timeout'))
  await block.stage.stop?.(false)
  await block.stage.stop?.(true)
  assert.deepEqual(block.log.texts, [
    "error plugin/errors: 2 errors like 'timeout' occurred in last 1h0m0s",
  ])
})

test('of one error three lines a second are written, then how many more there were', (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const block = new TestBlock(errors, 'errors')
  const down = 'read tcp 10.96.0.11:53: i/o timeout'
  for (let i = 0; i < 40; i++) block.ask(`n${i}.test`, failing(down))
  // Another upstream is other news.
  block.ask('other.test', failing('read udp 192.0.2.1:53: connection refused'))
  t.mock.timers.tick(1_000)
  assert.deepEqual(block.log.texts, [
    ...[0, 1, 2].map((i) => `error plugin/errors: 2 n${i}.test. A: ${down}`),
    'error plugin/errors: 2 other.test. A: read udp 192.0.2.1:53: connection refused',
    `error plugin/errors: 37 further queries failed within a second: ${down}`,
  ])
  block.clock.advance(1_000)
  block.ask('a.test', failing(down))
  assert.equal(block.log.texts[5], `error plugin/errors: 2 a.test. A: ${down}`)
})

test('an outage of 37 s under 40 queries a second is told in four lines a second', (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const block = new TestBlock(errors, 'errors')
  for (let i = 0; i < 37 * 40; i++) {
    block.ask('a.test', failing('read tcp 10.96.0.11:53: i/o timeout'))
    block.clock.advance(25)
    t.mock.timers.tick(25)
  }
  t.mock.timers.tick(1_000)
  assert.ok(block.log.lines.length <= 4 * 38, `${block.log.lines.length} lines`)
  const further = block.log.texts.flatMap((text) => /: (\d+) further/.exec(text)?.[1] ?? [])
  const single = block.log.texts.length - further.length
  assert.equal(
    further.reduce((sum, count) => sum + Number(count), single),
    37 * 40,
    'none is lost',
  )
})

test('what was left out is told of when the stage stops', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const block = new TestBlock(errors, 'errors')
  for (let i = 0; i < 4; i++) block.ask('a.test', failing('down'))
  await block.stage.stop?.(true)
  assert.equal(
    block.log.texts.at(-1),
    'error plugin/errors: 1 further query failed within a second: down',
  )
})

test('a flood of different errors is cut to 1,000 lines a second, and the rest is told of', (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const block = new TestBlock(errors, 'errors')
  for (let i = 0; i < 2_500; i++) block.ask('a.test', failing(`down ${i}`))
  assert.equal(block.log.lines.length, 1_000)
  t.mock.timers.tick(1_000)
  assert.equal(
    block.log.texts[1_000],
    'warning plugin/errors: 1500 further errors in the last second were not logged',
  )
  block.clock.advance(1_000)
  block.ask('a.test', failing('down'))
  assert.equal(block.log.texts[1_001], 'error plugin/errors: 2 a.test. A: down')
})

test("stacktrace asks for the stacks of its servers' panics while the block runs", async () => {
  const identity = { name: 'dns://:5399', index: 0 }
  const block = new TestBlock(errors, 'errors {\nstacktrace\n}', { identity })
  const successor = new TestBlock(errors, 'errors {\nstacktrace\n}', { identity })
  assert.equal(areStacksTraced('dns://:5399'), false)
  await block.stage.start?.()
  await successor.stage.start?.()
  await block.stage.stop?.(false)
  assert.equal(areStacksTraced('dns://:5399'), true)
  await successor.stage.stop?.(true)
  assert.equal(areStacksTraced('dns://:5399'), false)
})

test('describe() tells of the options in effect', () => {
  const block = new TestBlock(
    errors,
    'errors {\nstacktrace\nconsolidate 1m x\nconsolidate 5s y info show_first\n}',
  )
  assert.deepEqual(block.stage.describe?.(), [
    "consolidate 'x' over 1m0s as error",
    "consolidate 'y' over 5s as info, the first at once",
    'stacktrace',
  ])
})
