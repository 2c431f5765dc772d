import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { composeChain, type NamedStage } from '../../src/serve/chain.ts'
import type { Handler, Stage } from '../../src/serve/plugin.ts'
import { Outcome, type Query } from '../../src/serve/query.ts'
import { Rcode } from '../../src/wire/codes.ts'
import { message } from '../wire/message.ts'
import { accepted } from './fake-target.ts'

/** Sends a query through the chain; the result is where it passed and how it ended. */
function run(make: (log: (what: string) => void) => readonly NamedStage[]): {
  passed: string[]
  q: Query
} {
  const passed: string[] = []
  const q = accepted(message({ flags: 0x0100 }))
  const finish: Handler = () => passed.push('finish')
  composeChain(
    make((what) => passed.push(what)),
    finish,
  )(q)
  return { passed, q }
}

/** A stage that lets queries pass in both directions. */
function passing(name: string, log: (what: string) => void): NamedStage {
  const tell =
    (what: string, handler: Handler): Handler =>
    (q) => {
      log(`${what} ${name}`)
      handler(q)
    }
  const stage: Stage = {
    wrap: (next) => tell('down', next),
    unwrap: (done) => tell('up', done),
  }
  return { name, stage }
}

function answering(name: string): NamedStage {
  const wrap =
    (_next: Handler, done: Handler): Handler =>
    (q) => {
      q.outcome = Outcome.Message
      done(q)
    }
  return { name, stage: { wrap } }
}

describe('composeChain()', () => {
  test('passes queries down and outcomes up in order', () => {
    const { passed } = run((log) => [passing('a', log), passing('b', log), answering('c')])
    assert.deepEqual(passed, ['down a', 'down b', 'up b', 'up a', 'finish'])
  })

  test('shows an outcome neither to the stage that made it nor to those below', () => {
    const { passed } = run((log) => {
      const stage = { ...passing('b', log).stage, ...answering('b').stage }
      return [passing('a', log), { name: 'b', stage }, passing('c', log)]
    })
    assert.deepEqual(passed, ['down a', 'up a', 'finish'])
  })

  test('ignores stages without handlers', () => {
    const observer: NamedStage = { name: 'log', stage: { observe() {} } }
    const { passed, q } = run((log) => [observer, passing('a', log), answering('b'), observer])
    assert.deepEqual(passed, ['down a', 'up a', 'finish'])
    assert.equal(q.outcome, Outcome.Message)
  })

  test('refuses where no stage has a handler', () => {
    for (const stages of [[], [{ name: 'errors', stage: {} }]]) {
      const { passed, q } = run(() => stages)
      assert.deepEqual([q.outcome, q.rcode, q.error], [Outcome.Failure, Rcode.Refused, null])
      assert.deepEqual(passed, ['finish'])
    }
  })

  test('fails where those that only look on are all there is', () => {
    const { q } = run(() => [
      { name: 'errors', stage: { observe() {} } },
      { name: 'health', stage: {} },
    ])
    assert.deepEqual([q.outcome, q.rcode], [Outcome.Failure, Rcode.ServFail])
    assert.equal(q.error, 'plugin/errors: no next plugin found')
  })

  test('fails where those that only change answers are all there is', () => {
    const minimal: NamedStage = { name: 'minimal', stage: { unwrap: (done) => done } }
    const { q } = run(() => [minimal, { name: 'health', stage: {} }])
    assert.deepEqual([q.outcome, q.rcode], [Outcome.Failure, Rcode.ServFail])
    assert.equal(q.error, 'plugin/minimal: no next plugin found')
  })

  test('fails where the last handler passes the query on, naming it', () => {
    const { passed, q } = run((log) => [passing('cache', log), { name: 'errors', stage: {} }])
    assert.deepEqual([q.outcome, q.rcode], [Outcome.Failure, Rcode.ServFail])
    assert.equal(q.error, 'plugin/cache: no next plugin found')
    assert.deepEqual(passed, ['down cache', 'up cache', 'finish'])
  })

  test('a stage that throws on the way up costs its client SERVFAIL and nobody else', () => {
    const panics: unknown[] = []
    const sent: number[] = []
    const cause = new Error('defect')
    let late: ((q: Query) => void) | null = null
    const stages: NamedStage[] = [
      {
        name: 'a',
        stage: {
          unwrap: () => () => {
            throw cause
          },
        },
      },
      { name: 'b', stage: { wrap: (_next, done) => () => void (late = done) } },
    ]
    const finish: Handler = (q) => {
      q.finished = true
      sent.push(q.rcode)
    }
    const q = accepted(message({ flags: 0x0100 }))
    composeChain(stages, finish, (reason) => panics.push(reason))(q)
    late!(q)
    assert.deepEqual(panics, [cause])
    assert.deepEqual(sent, [Rcode.ServFail])
  })

  test('an observer that throws after the reply went out costs nothing', () => {
    const panics: unknown[] = []
    let sent = 0
    const finish: Handler = (q) => {
      q.finished = true
      sent++
      throw new Error('observer')
    }
    const stages: NamedStage[] = [answering('a')]
    const q = accepted(message({ flags: 0x0100 }))
    composeChain(stages, finish, (reason) => panics.push(reason))(q)
    assert.equal(panics.length, 1)
    assert.equal(sent, 1)
    assert.throws(
      () => composeChain(stages, finish)(accepted(message({ flags: 0x0100 }))),
      /observer/,
    )
  })
})
