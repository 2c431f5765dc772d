import assert from 'node:assert/strict'
import { test } from 'node:test'
import { KeptStates } from '../../../src/daemon/kept-states.ts'
import { Clock } from '../../../src/lib/clock.ts'
import { cancel } from '../../../src/plugins/cancel/index.ts'
import { composeChain } from '../../../src/serve/chain.ts'
import { makeFinish } from '../../../src/serve/finish.ts'
import { PATIENCE_MS } from '../../../src/serve/query.ts'
import { Rcode } from '../../../src/wire/codes.ts'
import { messageOf } from '../../corefile/support.ts'
import { directivesOf } from '../../helpers/directives.ts'
import { nullLog } from '../../helpers/null-log.ts'
import { testBlock } from '../../helpers/services.ts'
import { accepted, FakeTarget } from '../../serve/fake-target.ts'
import { eventually, silent, startScripted } from '../../upstream/scripted.ts'
import { message } from '../../wire/message.ts'
import { setup } from '../forward/harness.ts'

function stageOf(lines: string): ReturnType<typeof cancel.setup> {
  return cancel.setup(directivesOf('cancel', lines), testBlock())
}

/** Milliseconds that a query may take which has passed the stage. */
function patienceOf(lines: string): number {
  const q = accepted(message({}))
  stageOf(lines).wrap!(
    () => {},
    () => {},
  )(q)
  assert.equal(q.keep().patience, q.patience)
  return q.patience
}

test('a query may take TIMEOUT, and no longer than without it', () => {
  assert.equal(patienceOf('cancel'), PATIENCE_MS)
  assert.equal(patienceOf('cancel 5s'), PATIENCE_MS)
  assert.equal(patienceOf('cancel 1.5s'), 1500)
  assert.equal(patienceOf('cancel 1s\ncancel 200ms'), 200)
  assert.deepEqual(stageOf('cancel').describe!(), ['5.001s'])
  const q = accepted(message({}))
  q.patience = 1
  q.reset(q.wire, q.length, 0)
  assert.equal(q.patience, PATIENCE_MS)
})

test('what is wrong is named as in CoreDNS', () => {
  const rows = [
    ['cancel 5', 'Corefile:2 - plugin/cancel: invalid duration: "5"'],
    ['cancel soon', 'Corefile:2 - plugin/cancel: invalid duration: "soon"'],
    ['cancel -1s', 'Corefile:2 - plugin/cancel: invalid negative duration: "-1s"'],
    ['cancel 0', 'Corefile:2 - plugin/cancel: invalid negative duration: "0"'],
    [
      'cancel 1s 2s',
      "plugin/cancel: Corefile:2 - Error during parsing: Wrong argument count or unexpected line ending after '2s'",
    ],
    [
      'cancel {\nlater\n}',
      "plugin/cancel: Corefile:2 - Error during parsing: Unexpected token '{', expecting argument",
    ],
  ] as const
  for (const [lines, problem] of rows) {
    assert.equal(
      messageOf(() => stageOf(lines)),
      problem,
    )
  }
})

test('a query that the upstream does not answer fails after that time', async (t) => {
  const upstream = await startScripted(t, silent)
  const clock = new Clock()
  const user = new KeptStates().open()
  const forward = setup(`forward . 127.0.0.1:${upstream.port}`, user, clock, nullLog)
  await forward.start!()
  t.after(async () => {
    await forward.stop!(true)
    user.release()
  })
  const stages = [
    { name: 'cancel', stage: stageOf('cancel 100ms') },
    { name: 'forward', stage: forward },
  ]
  const target = new FakeTarget()
  const q = accepted(message({ name: 'slow.test' }), target)
  const began = clock.refresh()
  q.receivedAt = began
  composeChain(stages, makeFinish([]))(q)
  await eventually(() => target.sent.length > 0, 'a reply')
  const took = performance.now() - began
  assert.equal(target.sent[0]![3]! & 15, Rcode.ServFail)
  assert.ok(took >= 99 && took < 4_000, `${took} ms`)
})
