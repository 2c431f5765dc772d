import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { minimal } from '../../../src/plugins/minimal/index.ts'
import { composeChain } from '../../../src/serve/chain.ts'
import { makeFinish, scanReply } from '../../../src/serve/finish.ts'
import { Outcome } from '../../../src/serve/query.ts'
import { Flag, Rcode, Type } from '../../../src/wire/codes.ts'
import { messageOf } from '../../corefile/support.ts'
import { directivesOf } from '../../helpers/directives.ts'
import { testBlock } from '../../helpers/services.ts'
import { accepted, FakeTarget } from '../../serve/fake-target.ts'
import { ScriptedUpstream } from '../../serve/one-block.ts'
import {
  a,
  message,
  ns,
  opt,
  option,
  questionOf,
  recordsOf,
  rrsig,
  soa,
  type TestMessage,
} from '../../wire/message.ts'

const stageOf = (line: string) => minimal.setup(directivesOf('minimal', line), testBlock())

/** The reply of a client with EDNS to what the upstream says. */
function replyTo(says: TestMessage | Buffer, scanned = false, edns = true): Buffer {
  const upstream = new ScriptedUpstream()
  upstream.instant = (q) => {
    const wire = Buffer.isBuffer(says) ? says : message(says)
    wire.copy(q.reserve())
    q.outLength = wire.length
    q.outcome = Outcome.Message
    if (scanned) scanReply(q)
    upstream.done(q)
  }
  const stages = [
    { name: 'minimal', stage: stageOf('minimal') },
    { name: 'upstream', stage: upstream.stage },
  ]
  const target = new FakeTarget()
  const additional = edns ? [opt()] : []
  composeChain(stages, makeFinish([]))(accepted(message({ flags: Flag.RD, additional }), target))
  return target.sent[0]!
}

/** Records of each section, OPT included. */
function counts(reply: Buffer): number[] {
  const { additionalCount, answerCount, authorityCount } = recordsOf(reply, questionOf(reply))
  return [answerCount, authorityCount, additionalCount]
}

const name = 'www.example.com'
const servers = [ns('example.com', 'ns1.example.com'), ns('example.com', 'ns2.example.com')]
const glue = [a('ns1.example.com'), a('ns2.example.com')]

describe('minimal', () => {
  test('leaves the answer section of an answer, scanned before or not', () => {
    for (const scanned of [false, true]) {
      const reply = replyTo(
        { answer: [a(name), a(name)], authority: servers, additional: glue },
        scanned,
      )
      assert.deepEqual(counts(reply), [2, 0, 1])
      assert.deepEqual(
        replyTo({ answer: [a(name)], authority: servers }, scanned, false),
        message({ answer: [a(name)] }),
      )
    }
    assert.deepEqual(counts(replyTo({ answer: [a(name)], additional: glue })), [1, 0, 1])
    assert.deepEqual(counts(replyTo({ additional: glue })), [0, 0, 1])
  })

  test('leaves delegations, denials and errors as they are', () => {
    const rows: readonly TestMessage[] = [
      { authority: servers, additional: glue },
      { authority: [soa('example.com', 60, 60)], additional: glue },
      { flags: 0x8180 | Rcode.NXDomain, authority: [soa('example.com', 60, 60)] },
      { flags: 0x8180 | Rcode.ServFail, answer: [a(name)], authority: servers, additional: glue },
      { flags: 0x8180 | Rcode.Refused, authority: servers },
      { answer: [a(name)] },
    ]
    for (const row of rows) assert.deepEqual(replyTo(row, false, false), message(row))
  })

  test('takes an answer whose signatures have ended for an error, where it has DO', () => {
    const now = Math.floor(Date.now() / 1000)
    const signed = (end: number): number[] =>
      counts(
        replyTo({
          answer: [a(name), rrsig(name, now - 1000, end)],
          authority: servers,
          additional: [opt({ dnssecOk: true })],
        }),
      )
    assert.deepEqual(signed(now + 1000), [2, 0, 1])
    assert.deepEqual(signed(now - 500), [2, 2, 1])
  })

  test('keeps extended errors', () => {
    const ede = option(15, Buffer.from('\x00\x03old'))
    const reply = replyTo({
      answer: [a(name)],
      authority: servers,
      additional: [...glue, opt({ options: ede })],
    })
    assert.deepEqual(counts(reply), [1, 0, 1])
    assert.equal(recordsOf(reply, questionOf(reply)).ede, 3)
  })

  test('leaves what cannot be read, and failures, to others', () => {
    const broken = message({ answer: [a(name)], authority: servers }).subarray(0, -3)
    assert.deepEqual(replyTo(broken, false, false).subarray(12), broken.subarray(12))
    const stage = stageOf('minimal')
    const q = accepted(message({ type: Type.A }))
    q.fail(Rcode.Refused)
    let ended = 0
    stage.unwrap!(() => ended++)(q)
    assert.deepEqual([ended, q.rcode], [1, Rcode.Refused])
  })

  test('has no arguments', () => {
    assert.equal(
      messageOf(() => stageOf('minimal\nminimal x')),
      undefined,
    )
    for (const [body, problem] of [
      ['minimal example.org', "Wrong argument count or unexpected line ending after 'example.org'"],
      ['minimal {\n}', "Unexpected token '{', expecting argument"],
    ] as const) {
      assert.equal(
        messageOf(() => stageOf(body)),
        `plugin/minimal: Corefile:2 - Error during parsing: ${problem}`,
      )
    }
  })
})
