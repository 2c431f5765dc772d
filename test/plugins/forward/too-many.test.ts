import assert from 'node:assert/strict'
import { afterEach, describe, test } from 'node:test'

import { keptQueries } from '../../../src/serve/kept-queries.ts'
import { Ede, Rcode } from '../../../src/wire/codes.ts'
import { honest, silent, startScripted } from '../../upstream/scripted.ts'
import { Front } from './harness.ts'

const usual = keptQueries.limit

describe('more queries than may wait, without a cache', () => {
  afterEach(() => (keptQueries.limit = usual))

  test('get REFUSED at once, and an extended error', async (t) => {
    const upstream = await startScripted(t, silent)
    const front = await Front.start(t, `forward . 127.0.0.1:${upstream.port}`)
    keptQueries.limit = 20
    const waiting = Array.from({ length: 10 }, (_, n) => front.ask(`n${n}.test`, { age: 3400 }))
    const { ede, rcode } = await front.ask('more.test', { edns: true })
    assert.deepEqual([rcode, ede], [Rcode.Refused, Ede.Other])
    for (const reply of await Promise.all(waiting)) assert.equal(reply.rcode, Rcode.ServFail)
    assert.equal(keptQueries.count, 0)
  })

  test('are asked for once, and from there on only elsewhere', async (t) => {
    const mute = await startScripted(t, silent)
    const front = await Front.start(t, `forward . 127.0.0.1:${mute.port}`)
    keptQueries.limit = 11
    const names = ['a', 'b', 'c', 'd', 'e']
    await Promise.all(names.map((name) => front.ask(`${name}.test`, { age: 2400 })))
    // The last two or so are no crowd any more.
    const asked = mute.asked.length
    assert.ok(asked < 8, `${asked} questions`)
    const good = await startScripted(t, honest)
    const two = await Front.start(
      t,
      `forward . 127.0.0.1:${mute.port} 127.0.0.1:${good.port} {\npolicy sequential\n}`,
    )
    const answers = await Promise.all(names.map((name) => two.ask(`${name}.test`)))
    for (const { rcode } of answers) assert.equal(rcode, Rcode.NoError)
  })
})
