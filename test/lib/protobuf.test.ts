import assert from 'node:assert/strict'
import { test } from 'node:test'
import { protobufFields, ProtobufWriter } from '../../src/lib/protobuf.ts'

test('fields as protobuf’s documents have them', () => {
  const w = new ProtobufWriter(Buffer.alloc(1))
  w.number(1, 150)
  w.text(2, 'testing')
  const start = w.begin(3)
  w.number(1, 2 ** 53 - 1)
  w.end(start)
  w.fixed32(4, 1)
  w.fixed64(16, 2n ** 64n - 1n)
  w.octets(5, Buffer.from([0, 255]))
  const rows = [
    '089601',
    '120774657374696e67',
    '1a0908ffffffffffffff0f',
    '2501000000',
    '8101ffffffffffffffff',
    '2a0200ff',
  ]
  assert.equal(w.written.toString('hex'), rows.join(''))
  assert.deepEqual(
    [...protobufFields(w.written)].map(({ field }) => field),
    [1, 2, 3, 4, 16, 5],
  )
})

test('messages of all lengths go into each other', () => {
  for (const length of [0, 1, 120, 127, 128, 16_380, 16_384, 70_000]) {
    const w = new ProtobufWriter(Buffer.alloc(4), 1)
    const outer = w.begin(1)
    const inner = w.begin(2)
    w.octets(3, Buffer.alloc(length, 7))
    w.end(inner)
    w.text(4, 'after')
    w.end(outer)
    const [first, ...more] = [...protobufFields(w.written.subarray(1))]
    assert.equal(more.length, 0)
    const [second, last] = [...protobufFields(first!.value as Buffer)]
    assert.deepEqual(last, { field: 4, value: Buffer.from('after') })
    assert.deepEqual(
      [...protobufFields(second!.value as Buffer)],
      [{ field: 3, value: Buffer.alloc(length, 7) }],
    )
  }
})

test('nothing is lost wherever a message meets the end of the buffer', () => {
  for (let size = 0; size < 64; size++) {
    const w = new ProtobufWriter(Buffer.alloc(size, 0xff))
    const outer = w.begin(1)
    w.text(2, 'ab')
    w.end(w.begin(16))
    w.text(4, 'dnslet')
    w.end(outer)
    const expected = ['0a0f', '12026162', '820100', '2206646e736c6574'].join('')
    assert.equal(w.written.toString('hex'), expected, `of ${size} octets`)
  }
})

test('what is no message ends', () => {
  const rows = ['08', '0880', '1205aa', '0b', 'ff'.repeat(20), '08'.padEnd(22, 'f'), '15000000']
  for (const row of rows) assert.deepEqual([...protobufFields(Buffer.from(row, 'hex'))], [], row)
  assert.equal([...protobufFields(Buffer.from('08010', 'hex'))].length, 1)
})
