import assert from 'node:assert/strict'
import { Writable } from 'node:stream'
import { test } from 'node:test'
import { log } from '../../../src/plugins/log/index.ts'
import type { Query } from '../../../src/serve/query.ts'
import { createLog, droppedLinesMetric } from '../../../src/telemetry/log.ts'
import { exposition } from '../../../src/telemetry/metrics.ts'
import { Rcode, Type } from '../../../src/wire/codes.ts'
import { answerWith, TestBlock } from '../../telemetry/block.ts'
import { a, cname, soa } from '../../wire/message.ts'

const success = answerWith({ answer: [a('www.example.org')] })
const denial = answerWith({ flags: 0x8183, authority: [soa('org', 60, 60)] })
const failure = (q: Query): void => q.fail(Rcode.ServFail)

test('the line has no prefix, and the fields say the same in parts', () => {
  const block = new TestBlock(log, 'log')
  block.ask('www.example.org', success, { type: Type.AAAA })
  assert.equal(block.log.lines.length, 1)
  const [{ level, text, fields }] = block.log.lines as [(typeof block.log.lines)[number]]
  assert.equal(level, 'info')
  assert.ok(text.startsWith('10.0.0.7:40000 - 4660 "AAAA IN www.example.org. udp'), text)
  assert.deepEqual(fields, {
    plugin: 'log',
    name: 'www.example.org.',
    type: 'AAAA',
    rcode: 'NOERROR',
    duration: 0,
    client: '10.0.0.7',
  })
})

test('only the classes asked for are logged', () => {
  for (const [classes, expected] of [
    ['success', ['success']],
    ['denial', ['denial']],
    ['error', ['error']],
    ['denial error', ['denial', 'error']],
    ['all', ['success', 'denial', 'error']],
  ] as const) {
    const block = new TestBlock(log, `log . "{/log/class}" {\nclass ${classes}\n}`)
    for (const answer of [success, denial, failure]) block.ask('www.example.org', answer)
    assert.deepEqual(
      block.log.lines.map(({ text }) => text),
      expected,
    )
  }
})

test('a name error behind an alias is a denial, one that comes with data an error', () => {
  const block = new TestBlock(log, 'log . "{/log/class} {/log/type}" {\nclass denial error\n}')
  const authority = [soa('org', 60, 60)]
  const alias = cname('www.example.org', 'gone.org')
  for (const answer of [[alias], [alias, a('gone.org')]]) {
    block.ask('www.example.org', answerWith({ flags: 0x8183, answer, authority }))
  }
  assert.deepEqual(
    block.log.lines.map(({ text }) => text),
    ['denial NXDOMAIN', 'error OTHERERROR'],
  )
})

test('the first rule that holds a name decides, and other names are not logged', () => {
  const block = new TestBlock(
    log,
    'log b.org "b {name}" {\nclass error\n}\nlog org a.org "org {name}"\nlog b.org x.b.org "never"',
  )
  for (const name of ['org', 'a.org', 'A.org', 'x.b.org', 'b.org', 'ab.org', 'example.com']) {
    block.ask(name, success)
  }
  block.ask('x.b.org', failure)
  assert.deepEqual(
    block.log.lines.map(({ text }) => text),
    ['org org.', 'org a.org.', 'org a.org.', 'org ab.org.', 'b x.b.org.'],
  )
})

for (const format of ['text', 'json'] as const) {
  test(`${format}: while standard output is blocked lines are counted and not formatted`, async () => {
    let release: () => void = () => {}
    const stream = new Writable({
      write: (_chunk, _encoding, done) => void (release = done),
    })
    const output = await createLog({ format, stream, limit: 500 })
    const before = await droppedLines()
    const block = new TestBlock(log, 'log', { log: output })
    let formatted = 0
    const counting = (q: Query): void => {
      success(q)
      q.target.remotePort = () => ++formatted
    }
    for (let i = 0; i < 20; i++) block.ask('www.example.org', counting)
    const dropped = (await droppedLines()) - before
    // A line that turns out too long for the rest of the room is formatted and dropped all the same.
    assert.ok(formatted <= 5, `${formatted} lines were formatted`)
    assert.ok(dropped >= 15, `${dropped} lines were dropped`)
    release()
  })
}

async function droppedLines(): Promise<number> {
  const { body } = await exposition('', [droppedLinesMetric])
  return Number(/^dnslet_log_dropped_lines_total (\d+)$/m.exec(body)?.[1])
}

test('describe() tells of each rule', () => {
  const block = new TestBlock(log, 'log a.org {combined} {\nclass denial error\n}\nlog')
  assert.deepEqual(block.stage.describe?.(), ['a.org. {combined} class denial error', '. {common}'])
})
