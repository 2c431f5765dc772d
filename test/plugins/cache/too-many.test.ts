import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, test } from 'node:test'

import { keptQueries } from '../../../src/serve/kept-queries.ts'
import { Ede, Rcode } from '../../../src/wire/codes.ts'
import { a } from '../../wire/message.ts'
import { Bench } from './harness.ts'

const usual = keptQueries.limit

describe('more queries than may wait', () => {
  beforeEach(() => (keptQueries.limit = 20 + keptQueries.count))
  afterEach(() => (keptQueries.limit = usual))

  test('get REFUSED at once, and an extended error', () => {
    const b = new Bench('cache')
    for (let n = 0; n < 10; n++) assert.equal(b.ask('same.test', { edns: true }), null)
    const reply = b.ask('same.test', { edns: true })!
    assert.equal(reply.rcode, Rcode.Refused)
    assert.equal(reply.ede, Ede.Other)
    assert.equal(b.ask('other.test')!.rcode, Rcode.Refused)
    assert.equal(b.upstream.asked.length, 1)
    b.upstream.answer({ name: 'same.test', answer: [a('same.test')] })
    assert.equal(b.client.replies.filter(({ rcode }) => rcode === Rcode.NoError).length, 10)
    assert.equal(b.ask('other.test'), null, 'there is room again')
    b.upstream.fail()
  })

  test('get a stale answer at once where there is one', () => {
    const b = new Bench('cache 30 {\nserve_stale 1h\n}')
    b.fill('stale.test', { answer: [a('stale.test', 10)] })
    b.clock.advance(20_000)
    for (let n = 0; n < 10; n++) b.ask(`n${n}.test`)
    assert.equal(b.upstream.asked.length, 10)
    const reply = b.ask('stale.test', { edns: true })!
    assert.equal(reply.rcode, Rcode.NoError)
    assert.equal(reply.ede, Ede.StaleAnswer)
    assert.equal(b.upstream.asked.length, 10, 'and the upstream is not asked')
    while (b.upstream.asked.length > 0) b.upstream.fail()
  })
})
