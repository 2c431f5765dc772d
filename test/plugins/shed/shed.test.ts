import assert from 'node:assert/strict'
import { test } from 'node:test'
import { shed } from '../../../src/plugins/shed/index.ts'
import { makeFinish } from '../../../src/serve/finish.ts'
import { Outcome } from '../../../src/serve/query.ts'
import { shedByServer } from '../../../src/serve/shed-counters.ts'
import { messageOf } from '../../corefile/support.ts'
import { directivesOf } from '../../helpers/directives.ts'
import { testBlock } from '../../helpers/services.ts'
import { accepted, FakeTarget } from '../../serve/fake-target.ts'
import { message } from '../../wire/message.ts'

function stageOf(lines: string, ...keys: readonly string[]): ReturnType<typeof shed.setup> {
  const context = testBlock({
    keys: keys.map((text) => ({
      token: { text, file: 'Corefile', line: 1 },
      scheme: /^(\w+):\/\//.exec(text)?.[1] ?? 'dns',
    })),
  })
  return shed.setup(directivesOf('shed', lines), context)
}

class FullTarget extends FakeTarget {
  isFull = false
}

/** Samples of the metric, `server reason` to value. */
function samples(): Readonly<Record<string, unknown>> {
  const found: Record<string, unknown> = {}
  shed.metrics![0]!.collect((labels, value) => (found[labels.join(' ')] = value))
  return found
}

test('queries are dropped, silently and counted, while their socket is full', () => {
  const passed: number[] = []
  const handler = stageOf('shed').wrap!((q) => void passed.push(q.id), makeFinish([]))
  const ask = (id: number, target: FakeTarget): Outcome => {
    const q = accepted(message({ id }), target)
    q.server = { name: 'dns://:53', index: 3 }
    handler(q)
    return q.outcome
  }
  const target = new FullTarget()
  assert.equal(ask(1, target), Outcome.Pending)
  assert.deepEqual(samples(), {})
  target.isFull = true
  assert.equal(ask(2, target), Outcome.Drop)
  assert.equal(ask(3, target), Outcome.Drop)
  target.isFull = false
  ask(4, target)
  ask(5, new FakeTarget())
  assert.deepEqual(passed, [1, 4, 5])
  assert.deepEqual([target.dropped, target.sent.length], [2, 0])
  assert.deepEqual(samples(), { 'dns://:53 query': 2 })
  shedByServer.of({ name: 'dns://:53', index: 3 }).responses += 7
  assert.deepEqual(samples(), { 'dns://:53 query': 2, 'dns://:53 response': 7 })
})

test('stands once in a block, without options', () => {
  const rows = [
    [
      'shed extra',
      "plugin/shed: Corefile:2 - Error during parsing: Wrong argument count or unexpected line ending after 'extra'",
    ],
    [
      'shed {\ndepth 10\n}',
      "plugin/shed: Corefile:2 - Error during parsing: Unexpected token '{', expecting argument",
    ],
    ['shed\nshed', 'Corefile:3 - plugin/shed: this plugin can only be used once per Server Block'],
  ] as const
  for (const [lines, problem] of rows) {
    assert.equal(
      messageOf(() => stageOf(lines)),
      problem,
    )
  }
})

test('its zones are plain DNS', () => {
  stageOf('shed', 'example.org.:53', 'dns://.:53')
  for (const key of ['tls://.:853', 'grpc://.:443', 'https://.:443']) {
    const scheme = key.slice(0, key.indexOf(':'))
    assert.equal(
      messageOf(() => stageOf('shed', '.:53', key)),
      'plugin/shed: Corefile:2 - Error during parsing: only plain DNS server blocks are supported; ' +
        `"${key}" uses transport "${scheme}"`,
    )
  }
})
