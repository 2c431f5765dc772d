import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import {
  LoopDetector,
  type DetectorParts,
  type Target,
} from '../../../src/plugins/loop/detector.ts'
import { Class, Type } from '../../../src/wire/codes.ts'
import { readFlags } from '../../../src/wire/header.ts'
import { nameText, parseQuestion, Question } from '../../../src/wire/question.ts'
import { WireStatus } from '../../../src/wire/status.ts'

const target: Target = { protocol: 'udp', host: '127.0.0.1', port: 5300, listener: ':5300' }
const client = (): string => '192.0.2.1:4000'

interface Asked {
  readonly query: Buffer
  readonly name: string
  /** When, in milliseconds since the start. */
  readonly at: number
  answer(): void
}

interface Setup {
  readonly detector: LoopDetector
  readonly asked: Asked[]
  readonly loops: string[]
}

function setUp(t: TestContext, zone = '.', answering = false): Setup {
  t.mock.timers.enable({ apis: ['setTimeout', 'Date'] })
  const asked: Asked[] = []
  const loops: string[] = []
  let labels = 0
  const parts: DetectorParts = {
    ask: (_target, query, { timeoutMs, signal }) =>
      new Promise<void>((resolve, reject) => {
        const question = new Question()
        assert.equal(parseQuestion(query, query.length, question), WireStatus.Ok)
        assert.equal(question.type, Type.HINFO)
        assert.equal(question.class, Class.IN)
        const name = nameText(query, question)
        asked.push({ query, name, at: Date.now(), answer: resolve })
        if (answering) resolve()
        setTimeout(reject, timeoutMs)
        signal!.addEventListener('abort', reject)
      }),
    randomLabel: () => `r${++labels}`,
    onLoop: (message) => void loops.push(message),
  }
  return { detector: new LoopDetector(zone, parts), asked, loops }
}

/** Moves the mocked time on in steps small enough for the promises in between. */
async function advance(t: TestContext, ms: number): Promise<void> {
  for (let passed = 0; passed < ms; passed += 50) {
    t.mock.timers.tick(50)
    for (let i = 0; i < 5; i++) await Promise.resolve()
  }
}

test('a probe is a HINFO query with RD for a random name in the zone', async (t) => {
  const { detector, asked } = setUp(t, 'cluster.local.', true)
  await detector.run([target])
  assert.deepEqual(
    asked.map(({ name, query }) => [name, readFlags(query)]),
    [['r1.r2.cluster.local.', 0x0100]],
  )
})

test('the detection ends with the answer of every target', async (t) => {
  const { detector, asked } = setUp(t)
  const running = detector.run([target, target])
  assert.equal(detector.active, true)
  asked[0]!.answer()
  await advance(t, 50)
  assert.equal(detector.active, true)
  asked[1]!.answer()
  await running
  assert.equal(detector.active, false)
  assert.equal(detector.arrived('r1.r2.', client), 0)
})

test('without an answer it asks for new names, ever more slowly, and gives up after 30 s', async (t) => {
  const { detector, asked } = setUp(t)
  const running = detector.run([target])
  await advance(t, 30_000)
  await running
  assert.equal(detector.active, false)
  const gaps = asked.slice(1).map(({ at }, i) => at - asked[i]!.at)
  assert.deepEqual(gaps.slice(0, 6), [2_100, 2_200, 2_400, 2_800, 3_000, 3_000])
  assert.equal(new Set(asked.map(({ name }) => name)).size, asked.length)
})

test('the third arrival of a name proves a loop, told once', async (t) => {
  const { detector, loops } = setUp(t)
  const running = detector.run([target])
  assert.equal(detector.arrived('r1.r2.', client), 1)
  assert.equal(detector.arrived('r1.r2.', client), 2)
  assert.deepEqual(loops, [])
  assert.equal(detector.arrived('r1.r2.', client), 3)
  assert.equal(detector.arrived('r1.r2.', client), 4)
  assert.deepEqual(loops, [
    'plugin/loop: Loop (192.0.2.1:4000 -> :5300) detected for zone ".", see ' +
      'https://coredns.io/plugins/loop#troubleshooting. Query: "HINFO r1.r2."',
  ])
  detector.stop()
  await running
  assert.equal(detector.active, true, 'the loop stays cut')
  assert.equal(detector.arrived('r1.r2.', client), 5)
})

test('arrivals of different names do not add up', async (t) => {
  const { detector, loops } = setUp(t)
  const running = detector.run([target, target])
  for (const name of ['r1.r2.', 'r3.r4.', 'r1.r2.', 'r3.r4.']) detector.arrived(name, client)
  assert.equal(detector.arrived('r5.r6.', client), 0)
  assert.deepEqual(loops, [])
  detector.stop()
  await running
})

test('a probe that has arrived is not repeated: the next target comes once it is answered', async (t) => {
  const { detector, asked } = setUp(t)
  const running = detector.run([target, target])
  await advance(t, 50)
  const { name } = asked[0]!
  assert.equal(detector.arrived(name, client), 1)
  await advance(t, 10_000)
  assert.equal(asked.length, 1)
  detector.answered(name)
  await advance(t, 50)
  assert.equal(asked.length, 2)
  assert.equal(detector.arrived(asked[1]!.name, client), 1)
  await advance(t, 19_000)
  assert.equal(detector.active, true)
  await advance(t, 2_000)
  await running
  assert.equal(asked.length, 2)
  assert.equal(detector.active, false)
})

test('stop() does not wait for a probe that has arrived', async (t) => {
  const { detector, asked } = setUp(t)
  const running = detector.run([target, target])
  await advance(t, 50)
  detector.arrived(asked[0]!.name, client)
  await advance(t, 3_000)
  detector.stop()
  await running
  assert.equal(asked.length, 1)
})

test('stop() ends a pause between probes', async (t) => {
  const { detector, asked } = setUp(t)
  const running = detector.run([target])
  await advance(t, 2_050)
  detector.stop()
  await running
  assert.equal(asked.length, 1)
})

test('a listener whose address is not local yet is asked once it is, and given its 30 s then', async (t) => {
  const { detector, asked } = setUp(t)
  let absent = true
  const patient = new LoopDetector('.', {
    ask: () => {
      asked.push({ query: Buffer.alloc(0), name: '', at: Date.now(), answer: () => {} })
      return Promise.reject(
        absent
          ? Object.assign(new Error('not here'), { code: 'EADDRNOTAVAIL' })
          : new Error('mute'),
      )
    },
    randomLabel: () => 'label',
    onLoop: () => assert.fail(),
  })
  detector.stop()
  const running = patient.run([target])
  await advance(t, 50)
  await patient.settled
  await advance(t, 120_000)
  assert.equal(patient.active, true, 'still waiting')
  assert.ok(asked.length < 130, `asked each second, not ${asked.length} times`)
  assert.equal(patient.arrived('label.label.', client), 0, 'no name is out there')
  absent = false
  await advance(t, 29_000)
  assert.equal(patient.active, true)
  await advance(t, 2_000)
  await running
  assert.equal(patient.active, false)
})

test('a zone with no room for a name below it is not probed', async (t) => {
  const label = 'x'.repeat(63)
  const { detector, asked } = setUp(t, `${label}.${label}.${label}.${'x'.repeat(59)}.`)
  await detector.run([target])
  assert.deepEqual(asked, [])
})
