import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { copyName, nameToText, sameName, skipName, textToName } from '../../src/wire/name.ts'
import { wireName } from './message.ts'

/** Labels of arbitrary octets that fit into one name. */
const labels = fc
  .array(fc.uint8Array({ minLength: 1, maxLength: 63 }), { maxLength: 12 })
  .filter((list) => list.reduce((sum, label) => sum + label.length + 1, 1) <= 255)

function encode(list: readonly Uint8Array[]): Buffer {
  return Buffer.concat([
    ...list.flatMap((label) => [Buffer.from([label.length]), label]),
    Buffer.alloc(1),
  ])
}

/** Twelve octets of header, then what is given. */
function body(...octets: readonly number[]): Buffer {
  return Buffer.from([...Buffer.alloc(12), ...octets])
}

describe('skipName()', () => {
  test('ends after the root label or after the first pointer', () => {
    const b = body(1, 97, 0, 1, 98, 0xc0, 12)
    assert.equal(skipName(b, 12, b.length), 15)
    assert.equal(skipName(b, 15, b.length), 19)
  })

  test('accepts a pointer to a pointer that goes further back', () => {
    const b = body(1, 97, 0, 0xc0, 12, 0xc0, 15)
    assert.equal(skipName(b, 17, b.length), 19)
  })

  test('rejects a pointer into the name it belongs to', () => {
    const b = body(1, 97, 1, 98, 0xc0, 14)
    assert.equal(skipName(b, 12, b.length), -1)
  })

  test('rejects a pointer into the header', () => {
    const b = body(1, 97, 0xc0, 11)
    assert.equal(skipName(b, 12, b.length), -1)
  })

  test('never reads at or beyond the length it was given', () => {
    const whole = body(3, 119, 119, 119, 0)
    for (let length = 0; length < whole.length; length++) {
      assert.equal(skipName(whole, 12, length), -1)
    }
    const pointer = body(1, 97, 0, 0xc0, 12)
    assert.equal(skipName(pointer, 15, 17), 17)
    assert.equal(skipName(pointer, 15, 16), -1)
  })

  test('survives arbitrary octets and ends inside the message', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 600 }), fc.nat(600), (b, offset) => {
        const end = skipName(b, offset, b.length)
        assert.ok(end === -1 || (end > offset && end <= b.length))
      }),
      { numRuns: 1000 },
    )
  })

  test('survives octets dense with pointers', () => {
    const octet = fc.oneof(fc.constantFrom(0xc0, 0, 1, 12, 13, 14, 16, 20), fc.nat(40))
    fc.assert(
      fc.property(fc.array(octet, { maxLength: 60 }), fc.nat(40), (octets, offset) => {
        const b = body(...octets)
        const end = skipName(b, 12 + offset, b.length)
        const text = nameToText(b, 12 + offset, b.length)
        assert.equal(text === null, end === -1)
        if (end !== -1) assert.ok(sameName(b, 12 + offset, b, 12 + offset))
      }),
      { numRuns: 1000 },
    )
  })
})

describe('nameToText()', () => {
  test('escapes separators and octets that are no text', () => {
    const name = Buffer.from([5, 0x61, 0x2e, 0x5c, 0x40, 0x20, 4, 0x00, 0xff, 0x7f, 0x3b, 0])
    assert.equal(nameToText(name, 0, name.length), 'a\\.\\\\\\@\\ .\\000\\255\\127\\;.')
  })

  test('writes the root as a dot', () => {
    assert.equal(nameToText(Buffer.from([0]), 0, 1), '.')
  })

  test('follows compression', () => {
    const b = body(3, 99, 111, 109, 0, 1, 65, 0xc0, 12)
    assert.equal(nameToText(b, 17, b.length), 'A.com.')
    assert.equal(nameToText(b, 17, b.length, true), 'a.com.')
  })

  test('is null for what is no name', () => {
    assert.equal(nameToText(Buffer.from([64]), 0, 1), null)
  })
})

describe('textToName()', () => {
  const out = Buffer.alloc(300)

  test('reads back what nameToText() wrote, for labels of any octets', () => {
    fc.assert(
      fc.property(labels, fc.nat(40), (list, offset) => {
        const wire = encode(list)
        const text = nameToText(wire, 0, wire.length)
        assert.ok(text !== null)
        assert.equal(textToName(text, out, offset), offset + wire.length)
        assert.deepEqual(out.subarray(offset, offset + wire.length), wire)
      }),
      { numRuns: 500 },
    )
  })

  test('takes the final dot as optional', () => {
    assert.deepEqual(wireName('www.example.com'), wireName('www.example.com.'))
  })

  test('reads the root', () => {
    assert.equal(textToName('.', out, 7), 8)
    assert.equal(out[7], 0)
  })

  test('takes names and labels up to their limits', () => {
    const longest = `${'a'.repeat(63)}.${'b'.repeat(63)}.${'c'.repeat(63)}.${'d'.repeat(61)}`
    assert.equal(textToName(longest, out, 0), 255)
    assert.equal(textToName(`${longest}.`, out, 0), 255)
    assert.equal(textToName(`${longest}d`, out, 0), -1)
    assert.equal(textToName('a.'.repeat(127), out, 0), 255)
    assert.equal(textToName('a.'.repeat(128), out, 0), -1)
    assert.equal(textToName('a'.repeat(64), out, 0), -1)
  })

  for (const text of ['', '..', '.a', 'a..b', 'a\\', 'a\\25', 'a\\256', 'ü', '\\ü', 'a\\2b']) {
    test(`rejects ${JSON.stringify(text)}`, () => {
      assert.equal(textToName(text, out, 0), -1)
    })
  }

  test('writes nothing beyond the buffer', () => {
    const small = Buffer.alloc(5)
    assert.equal(textToName('abc', small, 0), 5)
    assert.equal(textToName('abcd', small, 0), -1)
    assert.equal(textToName('a.bc', small, 0), -1)
    assert.equal(textToName('.', small, 5), -1)
    assert.equal(textToName('a.b', Buffer.alloc(3), 0), -1)
  })

  test('survives any text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 80 }), (text) => {
        const end = textToName(text, out, 0)
        assert.ok(end === -1 || skipName(out, 0, end) === end)
      }),
      { numRuns: 500 },
    )
  })
})

describe('sameName()', () => {
  test('ignores the case of ASCII letters, in both directions', () => {
    const upper = wireName('WWW.Example.COM')
    const lower = wireName('www.example.com')
    assert.ok(sameName(upper, 0, lower, 0))
    assert.ok(sameName(lower, 0, upper, 0))
  })

  test('does not fold other octets that differ by 32', () => {
    const at = wireName('\\064\\091')
    const backtick = wireName('\\096\\123')
    assert.ok(!sameName(at, 0, backtick, 0))
  })

  test('tells a name from its parent and its neighbour', () => {
    const name = wireName('www.example.com')
    for (const other of [
      'example.com',
      'www.example',
      'wwww.example.com',
      'wwx.example.com',
      '.',
    ]) {
      const b = wireName(other)
      assert.ok(!sameName(name, 0, b, 0), other)
    }
  })

  test('compares through compression on both sides', () => {
    const b1 = body(3, 99, 111, 109, 0, 1, 97, 0xc0, 12)
    const b2 = body(3, 67, 79, 77, 0, 0xc0, 12, 1, 65, 0xc0, 17)
    assert.ok(sameName(b1, 17, b2, 19))
  })
})

describe('copyName()', () => {
  test('writes a name in full, whatever it points at', () => {
    const b = body(3, 67, 79, 77, 0, 0xc0, 12, 1, 65, 0xc0, 17, 0)
    const out = Buffer.alloc(20, 0xee)
    assert.equal(copyName(b, 19, out, 2), 9)
    assert.deepEqual(out.subarray(1, 10), Buffer.from([0xee, 1, 65, 3, 67, 79, 77, 0, 0xee]))
    assert.equal(copyName(b, 23, out, 0), 1)
    assert.equal(out[0], 0)
  })
})
