import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'

import { FrameQueue } from '../../src/net/frame-queue.ts'
import { frame } from './clients.ts'

const out = Buffer.alloc(65_535)

/** Takes all whole messages, copied. */
function take(queue: FrameQueue): Buffer[] {
  const taken: Buffer[] = []
  for (let length = queue.next(out); length >= 0; length = queue.next(out)) {
    taken.push(Buffer.from(out.subarray(0, length)))
  }
  return taken
}

describe('FrameQueue', () => {
  test('keeps what it has not given when its reader reads again', () => {
    const queue = new FrameQueue()
    const shared = Buffer.alloc(100)
    const stream = Buffer.concat([frame(Buffer.from('one')), frame(Buffer.from('two'))])
    stream.copy(shared)
    queue.push(shared, stream.length)
    assert.equal(queue.next(out), 3)
    queue.keep()
    shared.fill(0xff)
    assert.deepEqual(take(queue), [Buffer.from('two')])
    queue.keep()
    assert.equal(queue.held, 0)
  })

  test('gives one message at a time', () => {
    const queue = new FrameQueue()
    queue.push(Buffer.concat([frame(Buffer.from('one')), frame(Buffer.from('two'))]))
    assert.equal(queue.next(out), 3)
    assert.equal(out.toString('latin1', 0, 3), 'one')
    assert.equal(queue.empty, false)
    assert.equal(queue.next(out), 3)
    assert.equal(out.toString('latin1', 0, 3), 'two')
    assert.equal(queue.empty, true)
    assert.equal(queue.next(out), -1)
  })

  test('gives a message without octets as one of length 0', () => {
    const queue = new FrameQueue()
    queue.push(frame(Buffer.alloc(0)))
    assert.equal(queue.next(out), 0)
    assert.equal(queue.next(out), -1)
  })

  test('clear() forgets what waits', () => {
    const queue = new FrameQueue()
    queue.push(Buffer.concat([frame(Buffer.from('one')), Buffer.from([0])]))
    queue.clear()
    assert.equal(queue.empty, true)
    queue.push(frame(Buffer.from('two')))
    assert.deepEqual(take(queue).map(String), ['two'])
  })

  test('does not write to a chunk it was given', () => {
    const queue = new FrameQueue()
    // A view of a larger buffer, as slabs are: what lies behind belongs to somebody else.
    const slab = Buffer.alloc(100, 'x')
    frame(Buffer.from('abc')).copy(slab)
    queue.push(slab.subarray(0, 4))
    assert.equal(queue.next(out), -1)
    queue.push(Buffer.from('c'))
    assert.deepEqual(take(queue).map(String), ['abc'])
    assert.equal(slab.toString('latin1', 5), 'x'.repeat(95))
  })

  test('gives the same messages however the stream is cut and whenever they are taken', () => {
    const bodies = fc.array(fc.uint8Array({ maxLength: 2000 }), { maxLength: 8 })
    const cuts = fc.array(fc.tuple(fc.nat(1500), fc.nat(3)), { minLength: 1, maxLength: 40 })
    fc.assert(
      fc.property(bodies, cuts, (messages, steps) => {
        const stream = Buffer.concat(messages.map((body) => frame(Buffer.from(body))))
        const queue = new FrameQueue()
        const got: Buffer[] = []
        let at = 0
        for (const [size, takes] of steps) {
          queue.push(Buffer.from(stream.subarray(at, at + size)))
          at = Math.min(at + size, stream.length)
          for (let i = 0; i < takes; i++) {
            const length = queue.next(out)
            if (length >= 0) got.push(Buffer.from(out.subarray(0, length)))
          }
        }
        queue.push(Buffer.from(stream.subarray(at)))
        got.push(...take(queue))
        assert.deepEqual(
          got,
          messages.map((body) => Buffer.from(body)),
        )
        assert.equal(queue.empty, true)
      }),
    )
  })

  test('takes the longest message octet by octet', () => {
    const longest = Buffer.alloc(65_535, 'abc')
    const queue = new FrameQueue()
    for (const octet of frame(longest)) {
      assert.equal(queue.next(out), -1)
      queue.push(Buffer.from([octet]))
    }
    assert.deepEqual(take(queue), [longest])
  })
})
