import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import {
  classSource,
  fold,
  literalSource,
  negate,
  perlClasses,
  posixClasses,
  type Ranges,
  unicodeClass,
  union,
} from '../../src/corefile/char-class.ts'

/** Every UTF-16 unit once. */
const units = Array.from({ length: 0x10000 }, (_, unit) => String.fromCharCode(unit))

/** The ASCII characters that a class matches. */
function ascii(list: Ranges | undefined): string {
  const matcher = new RegExp(classSource(list ?? []))
  return units
    .slice(0, 128)
    .filter((c) => matcher.test(c))
    .join('')
}

const DIGITS = '0123456789'
const UPPER = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ'
const LOWER = UPPER.toLowerCase()
const PUNCT = '!"#$%&\'()*+,-./:;<=>?@[\\]^_`{|}~'
const CONTROLS = units.slice(0, 32).join('')

describe('the classes of RE2', () => {
  const table = [
    ['d', perlClasses, DIGITS],
    ['s', perlClasses, '\t\n\f\r '],
    ['w', perlClasses, `${DIGITS}${UPPER}_${LOWER}`],
    ['alnum', posixClasses, DIGITS + UPPER + LOWER],
    ['alpha', posixClasses, UPPER + LOWER],
    ['ascii', posixClasses, units.slice(0, 128).join('')],
    ['blank', posixClasses, '\t '],
    ['cntrl', posixClasses, `${CONTROLS}\x7f`],
    ['digit', posixClasses, DIGITS],
    ['lower', posixClasses, LOWER],
    ['punct', posixClasses, PUNCT],
    ['space', posixClasses, '\t\n\v\f\r '],
    ['upper', posixClasses, UPPER],
    ['word', posixClasses, `${DIGITS}${UPPER}_${LOWER}`],
    ['xdigit', posixClasses, `${DIGITS}ABCDEFabcdef`],
  ] as const
  for (const [name, classes, members] of table) {
    test(name, () => assert.equal(ascii(classes.get(name)), members))
  }

  test('graph is all that leaves ink, print that and the space', () => {
    const graph = units.slice(33, 127).join('')
    assert.equal(ascii(posixClasses.get('graph')), graph)
    assert.equal(ascii(posixClasses.get('print')), ` ${graph}`)
  })

  test('none reaches beyond ASCII', () => {
    for (const list of [...perlClasses.values(), ...posixClasses.values()]) {
      assert.ok(list.every(([from, to]) => from <= to && to < 128))
    }
  })
})

describe('sets of ranges', () => {
  const range = fc
    .tuple(fc.nat(0xffff), fc.nat(0xffff))
    .map(([a, b]) => [Math.min(a, b), Math.max(a, b)] as const)
  const ranges = fc.array(
    fc.oneof(
      range,
      fc.nat(0xffff).map((unit) => [unit, unit] as const),
    ),
    { maxLength: 8 },
  )
  const holds = (list: Ranges, unit: number): boolean => {
    return list.some(([from, to]) => unit >= from && unit <= to)
  }

  test('union() keeps every member, sorted and apart', () => {
    fc.assert(
      fc.property(ranges, fc.nat(0xffff), (list, unit) => {
        const joined = union(list)
        assert.equal(holds(joined, unit), holds(list, unit))
        joined.slice(1).forEach(([from], index) => assert.ok(from > (joined[index]?.[1] ?? 0) + 1))
      }),
    )
  })

  test('negate() holds what the ranges do not, and negates back', () => {
    fc.assert(
      fc.property(ranges, fc.nat(0xffff), (list, unit) => {
        assert.equal(holds(negate(list), unit), !holds(list, unit))
        assert.deepEqual(negate(negate(list)), union(list))
      }),
    )
    assert.deepEqual(negate([]), [[0, 0xffff]])
  })

  test('fold() adds the other case of ASCII letters alone', () => {
    assert.equal(ascii(fold([[0x58, 0x62]])), 'ABXYZ[\\]^_`abxyz')
    assert.deepEqual(fold([[0xe9, 0xe9]]), [[0xe9, 0xe9]])
  })

  test('classSource() is a class that matches the members', () => {
    fc.assert(
      fc.property(ranges, fc.nat(0xffff), (list, unit) => {
        assert.equal(new RegExp(classSource(list)).test(units[unit] ?? ''), holds(list, unit))
      }),
    )
  })
})

describe('unicodeClass()', () => {
  for (const [name, property] of [
    ['L', 'L'],
    ['Lu', 'Lu'],
    ['Greek', 'Script=Greek'],
    ['Yi', 'Script=Yi'],
  ] as const) {
    test(`knows ${name}`, () => {
      const ours = new RegExp(classSource(unicodeClass(name) ?? []))
      const oracle = new RegExp(`\\p{${property}}`, 'u')
      assert.ok(units.every((unit) => ours.test(unit) === oracle.test(unit)))
    })
  }

  test('knows Any', () => assert.deepEqual(unicodeClass('Any'), [[0, 0xffff]]))

  test('knows no other name, neither at first nor again', () => {
    for (const name of ['', 'X', 'Nope', 'greek', 'L}', 'Nope', '__proto__']) {
      assert.equal(unicodeClass(name), null)
    }
  })

  test('scans a class once', () => assert.equal(unicodeClass('Nd'), unicodeClass('Nd')))
})

describe('literalSource()', () => {
  test('matches its character and no other unit', () => {
    for (const char of units) {
      assert.ok(new RegExp(`^${literalSource(char, false)}$`).test(char), char)
    }
    assert.ok(!new RegExp(literalSource('.', false)).test('a'))
  })

  test('is one atom for a character of two units', () => {
    assert.ok(new RegExp(`^${literalSource('😀', true)}{2}$`).test('😀😀'))
  })

  test('ignores the case of ASCII letters where it shall', () => {
    assert.ok(new RegExp(literalSource('a', true)).test('A'))
    assert.ok(!new RegExp(literalSource('a', false)).test('A'))
    assert.ok(!new RegExp(literalSource('é', true)).test('É'))
  })
})
