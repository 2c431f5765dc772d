import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { makeFinish } from '../../src/serve/finish.ts'
import type { Query } from '../../src/serve/query.ts'
import { type Route, Server } from '../../src/serve/server.ts'
import { Flag, Rcode, Type } from '../../src/wire/codes.ts'
import { nameText } from '../../src/wire/question.ts'
import { message } from '../wire/message.ts'
import { FakeTarget, receive } from './fake-target.ts'

const finish = makeFinish([])

/** A server of blocks `zone`, or `zone label`: one that takes queries with this first label alone. */
class Blocks {
  readonly routed: string[] = []
  readonly rejected: string[] = []
  readonly target = new FakeTarget()
  readonly server: Server

  constructor(...blocks: readonly string[]) {
    const zones = new Map<string, Route[]>()
    for (const block of blocks) {
      const [zone = '', label] = block.split(' ')
      const accepts =
        label === undefined
          ? undefined
          : (q: Query): boolean => nameText(q.wire, q.question, true).startsWith(`${label}.`)
      zones.set(zone, [...(zones.get(zone) ?? []), { handler: this.#handler(block), accepts }])
    }
    this.server = new Server({
      identity: { name: 'dns://:53', index: 0 },
      zones,
      allClasses: false,
      rejected: (q) => this.rejected.push(nameText(q.wire, q.question)),
      panicked: assert.fail,
    })
  }

  #handler(block: string): Route['handler'] {
    return (q) => {
      this.routed.push(block)
      q.fail(Rcode.NoError)
      finish(q)
    }
  }

  /** The block that took the question; undefined where none did. */
  ask(name: string, type: number = Type.A): string | undefined {
    this.server.dispatch(receive(message({ name, type, flags: Flag.RD }), this.target))
    return this.routed.pop()
  }
}

describe('blocks that choose among queries', () => {
  test('get those they accept, in the order of the Corefile', () => {
    const blocks = new Blocks('. a', '. b', '. a', '.')
    assert.equal(blocks.ask('a.test'), '. a')
    assert.equal(blocks.ask('B.test'), '. b')
    assert.equal(blocks.ask('c.test'), '.')
    assert.equal(new Blocks('.', '. a').ask('a.test'), '.')
  })

  test('leave a query that none of a zone takes to the zone above', () => {
    const blocks = new Blocks('sub.test. a', 'test. b', '. c', 'sub.test. d')
    assert.equal(blocks.ask('a.sub.test'), 'sub.test. a')
    assert.equal(blocks.ask('d.sub.test'), 'sub.test. d')
    assert.equal(blocks.ask('b.sub.test'), 'test. b')
    assert.equal(blocks.ask('c.sub.test'), '. c')
    assert.equal(blocks.ask('.'), undefined)
  })

  test('answer REFUSED where none takes it, and the server counts it', () => {
    const blocks = new Blocks('. a', 'test. a')
    assert.equal(blocks.ask('b.test'), undefined)
    assert.deepEqual(blocks.rejected, ['b.test.'])
    assert.equal(blocks.target.sent[0]![3]! & 15, Rcode.Refused)
    assert.equal(new Blocks('test. a').ask('a.example'), undefined)
  })

  test('get DS from the shortest zone but the root', () => {
    const blocks = new Blocks('.', 'test.', 'test. a', 'sub.test. a')
    assert.equal(blocks.ask('a.sub.test', Type.DS), 'test.')
    assert.equal(blocks.ask('example', Type.DS), '.')
    assert.equal(
      new Blocks('. x', 'test. b', 'sub.test. a').ask('a.sub.test', Type.DS),
      'sub.test. a',
    )
  })

  test('are asked for questions of stages, too', () => {
    const blocks = new Blocks('. a', '. b')
    const q = receive(message({ name: 'a.test', flags: Flag.RD }), blocks.target)
    blocks.server.dispatch(q)
    q.wire[13] = 'b'.charCodeAt(0)
    blocks.server.enter(q)
    assert.deepEqual(blocks.routed, ['. a', '. b'])
  })
})
