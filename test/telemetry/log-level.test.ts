import assert from 'node:assert/strict'
import { PassThrough } from 'node:stream'
import { text } from 'node:stream/consumers'
import { test } from 'node:test'
import {
  areDebugLinesPrinted,
  printDebugLines,
  readLogLevel,
  setLogLevel,
} from '../../src/telemetry/log-level.ts'
import { createLog } from '../../src/telemetry/log.ts'
import { lastProblems } from '../../src/telemetry/problems.ts'

async function printed(format: 'text' | 'json'): Promise<string> {
  const stream = new PassThrough()
  const log = await createLog({ format, stream })
  for (const level of ['debug', 'info', 'warning', 'error', 'fatal'] as const) log[level](level)
  await log.flush(20_000)
  stream.end()
  return text(stream)
}

test('a level keeps out what is less important, in both formats, and never what is fatal', async (t) => {
  t.after(() => setLogLevel('info'))
  const all = ['debug', 'info', 'warning', 'error', 'fatal']
  for (const [level, from] of [
    ['debug', 0],
    ['info', 1],
    ['warning', 2],
    ['error', 3],
  ] as const) {
    setLogLevel(level)
    const lines = (await printed('text')).trim().split('\n')
    assert.deepEqual(
      lines,
      all.slice(from).map((word) => `[${word.toUpperCase()}] ${word}`),
    )
    const json = (await printed('json')).trim().split('\n')
    assert.deepEqual(
      json.map((line) => (JSON.parse(line) as { level: string }).level),
      all.slice(from),
    )
  }
})

test("the Corefile's debug counts at info, and not where less is wanted", (t) => {
  t.after(() => setLogLevel('info'))
  const end = printDebugLines()
  t.after(end)
  assert.equal(areDebugLinesPrinted(), true)
  setLogLevel('warning')
  assert.equal(areDebugLinesPrinted(), false)
  setLogLevel('debug')
  end()
  assert.equal(areDebugLinesPrinted(), true)
  assert.deepEqual(
    [readLogLevel('error'), readLogLevel('loud'), readLogLevel(7)],
    ['error', null, null],
  )
})

test('the last hundred problems are remembered, printed or not, whatever their length', async (t) => {
  t.after(() => setLogLevel('info'))
  setLogLevel('error')
  const stream = new PassThrough()
  const log = await createLog({ format: 'json', stream })
  for (let i = 0; i < 150; i++) log.plugin('hosts').warning(`problem ${i}\u001b`)
  log.info('fine')
  log.error('x'.repeat(5_000))
  const problems = lastProblems()
  assert.equal(problems.length, 100)
  assert.deepEqual([problems[0]!.level, problems[0]!.text], ['error', `${'x'.repeat(499)}…`])
  assert.deepEqual(
    [problems[1]!.level, problems[1]!.text],
    ['warning', 'plugin/hosts: problem 149\\x1b'],
  )
  assert.equal(problems[99]!.text, 'plugin/hosts: problem 51\\x1b')
})

test('a storm of failing queries is one problem for each way to fail', async (t) => {
  t.mock.timers.enable({ apis: ['Date'], now: 1_000 })
  const log = await createLog({ format: 'text', stream: new PassThrough() })
  const errors = log.plugin('errors')
  log.warning('something else')
  for (let i = 0; i < 300; i++) {
    t.mock.timers.tick(10)
    errors.error(`2 host-${i}.test. A: read tcp 10.0.0.1:${i}->10.96.0.11:53: i/o timeout`)
    if (i % 10 === 0) {
      errors.error(`2 x. A: dial tcp 10.0.0.${(i / 10) % 2}:53: connect: connection refused`)
      errors.warning(`${i} further errors in the last second were not logged`)
    }
  }
  errors.error('97 further queries failed within a second: read tcp 10.96.0.11:53: i/o timeout')
  const problems = lastProblems().slice(0, 5)
  assert.deepEqual(
    problems.map(({ count, text: line }) => [count, line.replace(/^plugin\/errors: /, '')]),
    [
      [301, '97 further queries failed within a second: read tcp 10.96.0.11:53: i/o timeout'],
      [30, '290 further errors in the last second were not logged'],
      [15, '2 x. A: dial tcp 10.0.0.1:53: connect: connection refused'],
      [15, '2 x. A: dial tcp 10.0.0.0:53: connect: connection refused'],
      [1, 'something else'],
    ],
  )
  assert.deepEqual([problems[0]!.first, problems[0]!.at], [1_010, 4_000])
})
