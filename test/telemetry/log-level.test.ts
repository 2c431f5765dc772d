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
  await log.flush(1000)
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
  for (let i = 0; i < 150; i++) log.plugin('errors').warning(`problem ${i}\u001b`)
  log.info('fine')
  log.error('x'.repeat(5_000))
  const problems = lastProblems()
  assert.equal(problems.length, 100)
  assert.deepEqual([problems[0]!.level, problems[0]!.text], ['error', `${'x'.repeat(499)}…`])
  assert.deepEqual(
    [problems[1]!.level, problems[1]!.text],
    ['warning', 'plugin/errors: problem 149\\x1b'],
  )
  assert.equal(problems[99]!.text, 'plugin/errors: problem 51\\x1b')
})
