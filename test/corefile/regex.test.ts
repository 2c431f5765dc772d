import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { compileRegex, regex } from '../../src/corefile/regex.ts'
import { DnsletError } from '../../src/lib/errors.ts'
import { messageOf, token } from './support.ts'

/** What a pattern finds in a text: the match and its groups, or null. */
function find(pattern: string, text: string): readonly (string | null)[] | null {
  const matcher = compileRegex(pattern).matcher(text)
  if (!matcher.find()) return null
  return Array.from({ length: matcher.groupCount() + 1 }, (_, group) => matcher.group(group))
}

describe('compileRegex() matches as RE2 does', () => {
  const table: readonly (readonly [string, string, readonly (string | null)[] | null])[] = [
    ['', 'abc', ['']],
    ['b', 'abc', ['b']],
    ['a|ab', 'ab', ['a']],
    ['(a+)(b+)?', 'aac', ['aa', 'aa', null]],
    ['a.c', 'a\nc', null],
    ['a.c', 'a\rc', ['a\rc']],
    ['(?s)a.c', 'a\nc', ['a\nc']],
    ['(?s:.)a.', 'ba\n', null],
    ['^b', 'a\nb', null],
    ['(?m)^b$', 'a\nb\nc', ['b']],
    ['(?m)^b$', 'a\rb', null],
    ['(?m)\\Ab', 'a\nb', null],
    ['(?m)a\\z', 'a\nb', null],
    ['a$', 'a\n', null],
    ['(?m)a$', 'a\n', ['a']],
    ['(?i)example\\.ORG', 'EXAMPLE.org', ['EXAMPLE.org']],
    ['a(?i)b|c', 'C', ['C']],
    ['(?i:a)b', 'AB', null],
    ['(?i)a(?-i)b', 'Ab', ['Ab']],
    ['((?i)a)b', 'AB', null],
    ['(?is-m:a.)$', 'A\n', ['A\n']],
    ['(?i)[a-c]+', 'aBC', ['aBC']],
    ['(?i)[^b]', 'B', null],
    ['(?i)[^\\P{Lu}]', 'b', ['b']],
    ['(?i)\\P{Lu}', 'b', null],
    ['(?i)[[:^lower:]]', 'B', null],
    ['(?U)a+', 'aaa', ['a']],
    ['(?U)a+?', 'aaa', ['aaa']],
    ['a+?', 'aaa', ['a']],
    ['a{2}', 'aaa', ['aa']],
    ['a{2,}', 'aaa', ['aaa']],
    ['a{1,2}?', 'aaa', ['a']],
    ['a{0}b', 'ab', ['b']],
    ['a{,2}', 'a{,2}', ['a{,2}']],
    ['a{', 'a{', ['a{']],
    ['a{01}', 'a{01}', ['a{01}']],
    ['a*(?i)*b', 'aaab', ['aaab']],
    ['^*a', 'a', ['a']],
    ['(?:\\b)+a', 'a', ['a']],
    ['(?P<zone>[a-z]+)\\.(?<tld>x)', 'ab.x', ['ab.x', 'ab', 'x']],
    ['[]a]+', ']a', [']a']],
    ['[^]a]', ']ab', ['b']],
    ['[-a]+[b-]', '-a-b', ['-a-b']],
    ['[a\\-c]+', 'a-bc', ['a-']],
    ['[\\]\\x41\\n]+', 'A]\n', ['A]\n']],
    ['[[:alpha:][:digit:]]+', '-a1b-', ['a1b']],
    ['[[:^alpha:]]+', 'a12b', ['12']],
    ['\\d+\\D\\s\\S\\w\\W', '12a bc-', ['12a bc-']],
    ['[\\d\\W]+', 'a1-b', ['1-']],
    ['\\pN+', 'a12²', ['12²']],
    ['\\PN+', '12ab', ['ab']],
    ['\\p{Greek}+', 'aλόb', ['λό']],
    ['\\p{^Greek}+', 'aλ', ['a']],
    ['\\P{^Greek}+', 'aλ', ['λ']],
    ['[\\p{Lu}\\pN]+', 'aB1', ['B1']],
    ['\\Q.*\\E+', '.**', ['.**']],
    ['\\Qa.b', 'a.b', ['a.b']],
    ['\\Q\\E', 'a', ['']],
    ['\\a\\f\\n\\r\\t\\v', '\x07\f\n\r\t\v', ['\x07\f\n\r\t\v']],
    ['\\0\\012\\101\\x42\\x{43}', '\0\nABC', ['\0\nABC']],
    ['\\_\\-\\/\\.\\$', '_-/.$', ['_-/.$']],
    ['\\bfoo\\B', 'foo foot', ['foo']],
    ['é.', 'éa', ['éa']],
    ['[😀]+', '😀😀', ['😀😀']],
    ['[^\\x00-\\x{10FFFF}]', 'a', null],
    ['[a-\\x{10FFFF}]+', 'Ab', ['b']],
    [']', ']', [']']],
    ['}', '}', ['}']],
    ['()|a', 'a', ['', '']],
    ['(?P<1st>a)', 'a', ['a', 'a']],
    ['()', 'a', ['', '']],
    ['a||b', 'b', ['']],
  ]
  for (const [pattern, text, expected] of table) {
    test(`${pattern} in ${JSON.stringify(text)}`, () =>
      assert.deepEqual(find(pattern, text), expected))
  }

  test('keeps no state', () => {
    const matcher = compileRegex('(?i)a')
    assert.deepEqual([matcher.test('A'), matcher.test('A')], [true, true])
  })
})

/** What Go takes and the library does not: rare enough to be refused, as long as that is said. */
describe('compileRegex() refuses more than Go', () => {
  for (const [pattern, reason] of [
    ['[a[:]+', 'invalid character class range: `[:]`'],
    ['(?P<n>a)|(?P<n>b)', 'duplicate capture group name: `n`'],
  ] as const) {
    test(pattern, () =>
      assert.throws(() => compileRegex(pattern), { message: `error parsing regexp: ${reason}` }),
    )
  }
})

describe('compileRegex() rejects in the words of Go', () => {
  const table = [
    ['(a', 'missing closing )', '(a'],
    ['a)', 'unexpected )', 'a)'],
    ['[a', 'missing closing ]', '[a'],
    ['x[', 'missing closing ]', '['],
    ['[]', 'missing closing ]', '[]'],
    ['[[:alpha:]', 'missing closing ]', '[[:alpha:]'],
    ['[a-', 'missing closing ]', '[a-'],
    ['[[:', 'missing closing ]', '[[:'],
    ['[b-a]', 'invalid character class range', 'b-a'],
    ['[[:foo:]]', 'invalid character class range', '[:foo:]'],
    ['\\pX', 'invalid character class range', '\\pX'],
    ['\\p', 'invalid character class range', '\\p'],
    ['\\p{Foo}x', 'invalid character class range', '\\p{Foo}'],
    ['\\p{Foo', 'invalid character class range', '\\p{Foo'],
    ['\\p{}', 'invalid character class range', '\\p{}'],
    ['*', 'missing argument to repetition operator', '*'],
    ['a|+?', 'missing argument to repetition operator', '+?'],
    ['(?:{2})', 'missing argument to repetition operator', '{2}'],
    ['a**', 'invalid nested repetition operator', '**'],
    ['a+?{2}', 'invalid nested repetition operator', '+?{2}'],
    ['a{2}{3}', 'invalid nested repetition operator', '{2}{3}'],
    ['a{1001}', 'invalid repeat count', '{1001}'],
    ['a{1,1001}?', 'invalid repeat count', '{1,1001}'],
    ['a{99999999999999999999}', 'invalid repeat count', '{99999999999999999999}'],
    [`a{1,${'9'.repeat(400)}}`, 'invalid repeat count', `{1,${'9'.repeat(400)}}`],
    ['a{2,1}', 'invalid repeat count', '{2,1}'],
    ['(a{100}){11}', 'invalid repeat count', '{11}'],
    ['((a{10,}b){10,}c){11,}', 'invalid repeat count', '{11,}'],
    ['(){1000}(){1001}', 'invalid repeat count', '{1001}'],
    ['(a)\\1', 'invalid escape sequence', '\\1'],
    ['\\8', 'invalid escape sequence', '\\8'],
    ['\\q', 'invalid escape sequence', '\\q'],
    ['\\Z', 'invalid escape sequence', '\\Z'],
    ['\\é', 'invalid escape sequence', '\\é'],
    ['\\C', 'invalid escape sequence', '\\C'],
    ['\\k<n>', 'invalid escape sequence', '\\k'],
    ['[\\b]', 'invalid escape sequence', '\\b'],
    ['[a-\\d]', 'invalid escape sequence', '\\d'],
    ['\\x', 'invalid escape sequence', '\\x'],
    ['\\xg0', 'invalid escape sequence', '\\xg0'],
    ['\\x{}', 'invalid escape sequence', '\\x{}'],
    ['\\x{4z}', 'invalid escape sequence', '\\x{4z'],
    ['\\x{41', 'invalid escape sequence', '\\x{41'],
    ['\\x{110000}', 'invalid escape sequence', '\\x{110000'],
    ['(?=a)', 'invalid or unsupported Perl syntax', '(?='],
    ['(?!a)', 'invalid or unsupported Perl syntax', '(?!'],
    ['a(?>b)', 'invalid or unsupported Perl syntax', '(?>'],
    ['(?#x)', 'invalid or unsupported Perl syntax', '(?#'],
    ['(?P=n)', 'invalid or unsupported Perl syntax', '(?P'],
    ['(?iz)', 'invalid or unsupported Perl syntax', '(?iz'],
    ['(?i-)', 'invalid or unsupported Perl syntax', '(?i-)'],
    ['(?', 'invalid or unsupported Perl syntax', '(?'],
    ['(?<=a)b', 'invalid named capture', '(?<=a)b'],
    ['x(?<!a)b', 'invalid named capture', '(?<!a)b'],
    ['(?P<n', 'invalid named capture', '(?P<n'],
    ['(?P<a b>x)', 'invalid named capture', '(?P<a b>'],
    ['(?P<>x)', 'invalid named capture', '(?P<>'],
    ['(?<é>x)', 'invalid named capture', '(?<é>'],
  ] as const
  for (const [pattern, reason, part] of table) {
    test(pattern, () => {
      assert.throws(() => compileRegex(pattern), {
        name: 'DnsletError',
        code: 'E_REGEX',
        message: `error parsing regexp: ${reason}: \`${part}\``,
      })
    })
  }

  test('a pattern that nests too deeply', () => {
    assert.ok(compileRegex('('.repeat(900) + ')'.repeat(900)).test(''))
    assert.throws(
      () => compileRegex('('.repeat(1001) + ')'.repeat(1001)),
      /expression nests too deeply/,
    )
  })

  test('a backslash at the end', () => {
    assert.throws(() => compileRegex('a\\'), /: trailing backslash at end of expression$/)
  })

  test('a pattern that is too large', () => {
    assert.throws(() => compileRegex('a{1000}'.repeat(9000)), /expression too large/)
  })
})

describe('compileRegex() on any pattern', () => {
  const pattern = fc
    .array(
      fc.oneof(
        fc.constantFrom(
          'a',
          'B',
          '.',
          '*',
          '+?',
          '?',
          '{2}',
          '{1,3}',
          '{20}',
          '(',
          '(?:',
          '(?i)',
          '(?P<n>',
        ),
        fc.constantFrom(
          ')',
          '[',
          '[^',
          ']',
          '-',
          '|',
          '^',
          '$',
          '\\',
          '\\d',
          '\\b',
          '\\pL',
          '[:alpha:]',
          '\\Q',
        ),
        fc.string({ unit: 'binary', maxLength: 2 }),
      ),
      { maxLength: 14 },
    )
    .map((parts) => parts.join(''))

  test('gives a pattern or an error of its own', () => {
    fc.assert(
      fc.property(pattern, fc.string(), (source, text) => {
        try {
          compileRegex(source).test(text)
        } catch (error) {
          assert.ok(error instanceof DnsletError && error.code === 'E_REGEX', String(error))
        }
      }),
      { numRuns: 3000 },
    )
  })
})

describe('time', () => {
  for (const pattern of [
    '^(a+)+$',
    '^(a|a)*$',
    '^(?:a|aa)+$',
    '^(a{1,3})+\\b\\.',
    '^(?:a{1,63}\\.?)+$',
    '(?i)^(a*)*$',
  ]) {
    test(`of ${pattern} does not explode`, () => {
      const matcher = compileRegex(pattern)
      const text = `${'a'.repeat(250)}!`
      const start = performance.now()
      assert.equal(matcher.test(`${text}x`), false)
      // Backtracking alone would outlive the universe.
      assert.ok(performance.now() - start < 2_000)
    })
  }
})

describe('regex()', () => {
  test('reads an argument', () => assert.ok(regex(token('^a$')).test('a')))

  test('names the position where the argument is none', () => {
    assert.equal(
      messageOf(() => regex(token('(', 3))),
      '/etc/Corefile:3 - error parsing regexp: missing closing ): `(`',
    )
  })
})
