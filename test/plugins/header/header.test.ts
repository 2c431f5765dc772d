import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { cache } from '../../../src/plugins/cache/index.ts'
import { readConfig } from '../../../src/plugins/header/config.ts'
import { header } from '../../../src/plugins/header/index.ts'
import { composeChain } from '../../../src/serve/chain.ts'
import { makeFinish } from '../../../src/serve/finish.ts'
import type { Handler } from '../../../src/serve/plugin.ts'
import { Flag, Rcode } from '../../../src/wire/codes.ts'
import { readFlags } from '../../../src/wire/header.ts'
import { messageOf } from '../../corefile/support.ts'
import { directivesOf } from '../../helpers/directives.ts'
import { testBlock } from '../../helpers/services.ts'
import { accepted, FakeTarget } from '../../serve/fake-target.ts'
import { ScriptedUpstream } from '../../serve/one-block.ts'
import { a, message } from '../../wire/message.ts'

const flagNames = ['AA', 'RA', 'RD', 'AD', 'CD'] as const

function shown(flags: number): string {
  return flagNames.filter((name) => (flags & Flag[name]) !== 0).join(' ')
}

/** A block of `header`, with a cache or without, and an upstream whose answers have RD as they were asked. */
class Block {
  readonly upstream: ScriptedUpstream = new ScriptedUpstream()
  readonly handler: Handler
  /** Flags of the last question upstream. */
  sent = 0

  constructor(rules: string, cached = false, says: number = Flag.AA) {
    const block = testBlock()
    const stages = [
      { name: 'header', stage: header.setup(directivesOf('header', rulesOf(rules)), block) },
      { name: 'upstream', stage: this.upstream.stage },
    ]
    if (cached) {
      const stage = cache.setup(directivesOf('cache', 'cache'), block)
      stages.unshift({ name: 'cache', stage })
    }
    this.upstream.instant = (q) => {
      this.sent = q.flags
      const flags = Flag.QR | says | (q.flags & Flag.RD)
      this.upstream.deliver(q, message({ flags, answer: [a('www.example.com')] }))
    }
    this.handler = composeChain(stages, makeFinish([]))
  }

  /** The flags that a client with these gets back. */
  ask(flags: number): string {
    const target = new FakeTarget()
    this.handler(accepted(message({ flags }), target))
    return shown(readFlags(target.sent[0]!))
  }
}

function rulesOf(rules: string): string {
  return `header {\n${rules}\n}`
}

describe('header', () => {
  test('sets and clears flags of answers, the last rule about each', () => {
    assert.equal(new Block('response set ra').ask(Flag.RD), 'AA RA RD')
    assert.equal(new Block('response clear aa\nresponse set ra').ask(0), 'RA')
    assert.equal(new Block('response set ra aa\nresponse clear RD').ask(Flag.RD), 'AA RA')
    assert.equal(new Block('response set rd').ask(0), 'AA RD')
    assert.equal(new Block('Response CLEAR aa ra\nresponse Set AA').ask(0), 'AA')
    assert.equal(new Block('response set aa\nresponse clear aa').ask(0), '')
  })

  test('keeps what it is not about', () => {
    const block = new Block('response set ra', false, Flag.AD)
    assert.equal(block.ask(Flag.RD | Flag.AD | Flag.CD), 'RA RD AD CD')
    assert.equal(shown(block.sent), 'RD AD CD')
  })

  test('asks with RD as the rules want it, and answers with that of the client', () => {
    const clearing = new Block('query clear rd')
    assert.equal(clearing.ask(Flag.RD | Flag.CD), 'AA RD CD')
    assert.equal(shown(clearing.sent), 'CD')
    const setting = new Block('query set rd aa ra')
    assert.equal(setting.ask(0), 'AA')
    assert.equal(shown(setting.sent), 'RD')
    const both = new Block('query clear rd\nresponse clear rd\nquery set rd')
    assert.equal(both.ask(0), 'AA')
    assert.equal(both.ask(Flag.RD), 'AA')
    assert.equal(shown(both.sent), 'RD')
  })

  test('below a cache: hits have AA and RA of the rules, RD of the client', () => {
    const block = new Block('query clear rd\nresponse set ra rd\nresponse clear aa', true)
    assert.equal(block.ask(0), 'RA RD')
    block.upstream.instant = () => assert.fail('a hit')
    assert.equal(block.ask(0), 'RA')
    assert.equal(block.ask(Flag.RD), 'RA RD')
  })

  test('leaves failures alone, but for RD that it took away', () => {
    const block = new Block('response set ra aa\nquery clear rd')
    block.upstream.instant = (q) => {
      q.fail(Rcode.ServFail)
      block.upstream.done(q)
    }
    assert.equal(block.ask(Flag.RD), 'RD')
  })

  test('says what it does', () => {
    const lines = 'query set rd\nresponse clear aa\nresponse set ra aa'
    const stage = header.setup(directivesOf('header', rulesOf(lines)), testBlock())
    assert.deepEqual(stage.describe!(), ['query set rd', 'response set aa ra'])
    const cleared = header.setup(directivesOf('header', rulesOf('response clear rd')), testBlock())
    assert.deepEqual(cleared.describe!(), ['response clear rd'])
  })
})

const refused: readonly (readonly [body: string, problem: string])[] = [
  ['header', "Wrong argument count or unexpected line ending after 'header'"],
  ['header {}', 'Wrong argument count or unexpected line ending after'],
  ['header {\n}', "Wrong argument count or unexpected line ending after 'header'"],
  ['header x', "Wrong argument count or unexpected line ending after 'x'"],
  [rulesOf('foo'), 'invalid selector=foo should be query or response'],
  [rulesOf('query'), 'no flag action provided'],
  [rulesOf('response set'), 'invalid length for flags, at least one should be provided'],
  [rulesOf('query foo'), 'invalid length for flags, at least one should be provided'],
  [rulesOf('query foo rd'), 'unknown flag action=foo, should be set or clear'],
  [rulesOf('query set rd ad'), 'unknown/unsupported flag=ad'],
  [rulesOf('query set rd\nresponse set tc'), 'unknown/unsupported flag=tc'],
]

for (const [body, problem] of refused) {
  test(`refuses ${JSON.stringify(body)}`, () => {
    const said = messageOf(() => readConfig(directivesOf('header', body)))
    assert.match(
      said ?? '',
      /^(Corefile:\d - plugin\/header: setting up rule: |plugin\/header: Corefile:\d)/,
    )
    assert.ok(said?.includes(problem), said)
  })
}

test('takes the first header that has rules, and says so', () => {
  const warnings: string[] = []
  const body = 'header {\n}\nheader x {\nquery set rd\n}\nheader {\nodd\n}'
  const config = readConfig(directivesOf('header', body), (said) => warnings.push(said))
  assert.deepEqual(config.query, { clear: 0, set: Flag.RD })
  const rest = 'is ignored: the rules of line 4 count'
  assert.deepEqual(warnings, [
    `Corefile:4 - 'x' ${rest}`,
    `Corefile:2 - 'header' ${rest}`,
    `Corefile:7 - 'header' ${rest}`,
  ])
})
