import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { FrameReader } from '../../src/wire/frame.ts'

const scratch = Buffer.alloc(65535)

function frame(body: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from([body.length >> 8, body.length & 0xff]), body])
}

/** A reader and what it delivered, copied. */
function collect(): { reader: FrameReader; got: Buffer[]; push: (chunk: Buffer) => void } {
  const got: Buffer[] = []
  const reader = new FrameReader(scratch)
  const push = (chunk: Buffer): void =>
    reader.push(chunk, (buffer, length) => got.push(Buffer.from(buffer.subarray(0, length))))
  return { reader, got, push }
}

describe('FrameReader', () => {
  test('delivers every frame of a chunk in order', () => {
    const { reader, got, push } = collect()
    push(
      Buffer.concat([
        frame(Buffer.from('one')),
        frame(Buffer.from('two')),
        frame(Buffer.from('3')),
      ]),
    )
    assert.deepEqual(got.map(String), ['one', 'two', '3'])
    assert.equal(reader.idle, true)
  })

  test('delivers a frame without octets as one of length 0', () => {
    const { got, push } = collect()
    push(Buffer.concat([frame(Buffer.alloc(0)), frame(Buffer.from('x'))]))
    assert.deepEqual(got.map(String), ['', 'x'])
  })

  test('delivers a frame that arrives octet by octet', () => {
    const { reader, got, push } = collect()
    const octets = frame(Buffer.from('slow and steady'))
    for (const [i, octet] of octets.entries()) {
      assert.deepEqual([got.length, reader.idle], [0, i === 0])
      push(Buffer.from([octet]))
    }
    assert.deepEqual([got.map(String), reader.idle], [['slow and steady'], true])
  })

  test('delivers the longest frame there is, in any pieces', () => {
    const longest = Buffer.alloc(65535, 'abc')
    const { got, push } = collect()
    const stream = Buffer.concat([frame(longest), frame(longest)])
    for (let at = 0; at < stream.length; at += 1460) push(stream.subarray(at, at + 1460))
    assert.deepEqual(got, [longest, longest])
  })

  test('delivers the same frames however the stream is cut', () => {
    const bodies = fc.array(fc.uint8Array({ maxLength: 1500 }), { maxLength: 6 })
    fc.assert(
      fc.property(bodies, fc.array(fc.nat(5000), { maxLength: 12 }), (list, cuts) => {
        const stream = Buffer.concat(list.map(frame))
        const { reader, got, push } = collect()
        let at = 0
        for (const cut of [...cuts.toSorted((x, y) => x - y), stream.length]) {
          push(stream.subarray(at, cut))
          at = Math.max(at, Math.min(cut, stream.length))
        }
        assert.deepEqual(
          got,
          list.map((body) => Buffer.from(body)),
        )
        assert.equal(reader.idle, true)
      }),
      { numRuns: 200 },
    )
  })

  test('does not touch what it has stored when others use the scratch buffer', () => {
    const { got, push } = collect()
    const octets = frame(Buffer.from('mine'))
    push(octets.subarray(0, 4))
    scratch.fill(0x21)
    push(octets.subarray(4))
    assert.deepEqual(got.map(String), ['mine'])
  })

  test('stops in the middle of a chunk when the receiver closes it', () => {
    const reader = new FrameReader(scratch)
    let calls = 0
    const stop = (): void => {
      calls++
      reader.close()
    }
    reader.push(Buffer.concat([frame(Buffer.from('a')), frame(Buffer.from('b'))]), stop)
    reader.push(frame(Buffer.from('c')), stop)
    assert.equal(calls, 1)
  })
})
