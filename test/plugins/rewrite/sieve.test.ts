import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { compileRegex } from '../../../src/corefile/regex.ts'
import { NameSieve } from '../../../src/plugins/rewrite/name-sieve.ts'
import { type MatchKind, nameMatch, normalize } from '../../../src/plugins/rewrite/name-text.ts'
import { requiredText } from '../../../src/plugins/rewrite/required-text.ts'
import { nameText } from '../../../src/wire/question.ts'
import { message, questionOf } from '../../wire/message.ts'

const part = fc.constantFrom(
  'a',
  'b',
  'ab',
  'ba',
  'x-1',
  '1',
  '7',
  '-',
  '_',
  '\\007',
  '\\.',
  '\\200',
)
const label = fc.array(part, { minLength: 1, maxLength: 6 }).map((parts) => parts.join(''))
const name = fc
  .array(label, { maxLength: 4 })
  .map((labels) => (labels.length === 0 ? '.' : labels.join('.')))
const kind = fc.constantFrom<MatchKind>('exact', 'prefix', 'suffix', 'substring')

test('property: the sieve lets every name pass that a rule concerns', () => {
  const rule = fc.tuple(kind, name, fc.nat(8))
  fc.assert(
    fc.property(fc.array(rule, { minLength: 1, maxLength: 5 }), name, (rules, asked) => {
      // Parts of the name itself, or nothing would ever match.
      const matches = rules.map(([how, text, cut], i) => {
        const own = i % 2 === 0 ? asked.slice(cut) : text
        return nameMatch(how, normalize(own === '' ? text : own), null)
      })
      const wire = message({ name: asked.toUpperCase() })
      const question = questionOf(wire)
      const concerned = matches.some((match) => match.test(nameText(wire, question, true)))
      if (concerned) assert.ok(new NameSieve(matches).mayMatch(wire, question.nameEnd))
    }),
    { numRuns: 1000 },
  )
})

describe('the text that a pattern needs', () => {
  const rows = [
    ['(.*)-(us-west-1)\\.example\\.org', '.example.org'],
    ['^(.*)\\.(.*)\\.svc\\.cluster\\.local\\.$', '.svc.cluster.local.'],
    ['foo.*barbaz?', 'barba'],
    ['abc+de', 'ab'],
    ['a{2}bc', 'bc'],
    ['[^]a]bc[[:alpha:]]+defg', 'defg'],
    ['[\\]ab]cd', 'cd'],
    ['(abc)?x', ''],
    ['(a|b)cd', 'cd'],
    ['ab|cd', ''],
    ['(?i)abc', ''],
    ['\\Qa.b\\E', ''],
    ['\\d\\d\\.in\\-addr', '.in-addr'],
    ['.*', ''],
    ['ABC', ''],
    ['[', ''],
  ] as const
  for (const [pattern, text] of rows) {
    test(`${pattern}: ${text === '' ? 'none' : text}`, () =>
      assert.equal(requiredText(pattern), text))
  }

  test('property: is in every name that the pattern matches', () => {
    const piece = fc.constantFrom(
      'a',
      'b',
      'ab',
      '\\.',
      '.',
      '(ab)',
      '(a|b)',
      'a?',
      'b*',
      '[ab]',
      '[^a]',
      '(a)?',
      'b+',
      '\\d',
      '1',
      '-',
      '$',
      '^',
    )
    fc.assert(
      fc.property(fc.array(piece, { minLength: 1, maxLength: 6 }), name, (pieces, asked) => {
        const pattern = pieces.join('')
        const compiled = compileRegex(pattern)
        const wire = message({ name: asked })
        const question = questionOf(wire)
        const text = nameText(wire, question, true)
        if (!compiled.test(text)) return
        assert.ok(text.includes(requiredText(pattern)), pattern)
        const match = nameMatch('regex', pattern, compiled)
        assert.ok(new NameSieve([match]).mayMatch(wire, question.nameEnd), pattern)
      }),
      { numRuns: 1000 },
    )
  })
})
