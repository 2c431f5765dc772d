import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { lex } from '../../src/corefile/lex.ts'
import type { Lexeme } from '../../src/corefile/token.ts'

function lexText(text: string, warn: (message: string) => void = () => {}): readonly Lexeme[] {
  return lex({ file: 'Corefile', text }, warn)
}

function texts(text: string): readonly string[] {
  return lexText(text).map((token) => token.text)
}

function warningsOf(text: string): readonly string[] {
  const warnings: string[] = []
  lexText(text, (message) => warnings.push(message))
  return warnings
}

/** Text made of what the lexer treats specially. */
const corefileText = fc
  .array(
    fc.oneof(
      fc.constantFrom(
        ' ',
        '\n',
        '"',
        '\\',
        '#',
        '\r',
        '\t',
        '{',
        '}',
        'a',
        'bc',
        '\u00a0',
        '\uFEFF',
      ),
      fc.string({ unit: 'grapheme', maxLength: 3 }),
    ),
    { maxLength: 60 },
  )
  .map((parts) => parts.join(''))

/** A token as it can be written: in quotes where it has to be, with `\"` where it holds a quote. */
function render({ text, first }: Lexeme): string {
  const read = texts(` ${text}`)
  const quoted = read.length !== 1 || read[0] !== text
  const escaped = text.replace(/\\[^]|"/gu, (part) => (part === '"' ? '\\"' : part))
  return (first ? '\n' : ' ') + (quoted ? `"${escaped}"` : text)
}

/** The lexer's rules one character at a time: slow, and obviously what the table says. */
function model(text: string): readonly string[] {
  const found: string[] = []
  let word: string | null = null
  let state: 'between' | 'word' | 'quote' | 'escape' | 'comment' | 'cut' = 'between'
  const end = (): void => {
    if (word !== null) found.push(word)
    word = null
  }
  for (const c of text.replace(/^\uFEFF/, '')) {
    if (state === 'escape') {
      word += c === '"' ? c : `\\${c}`
      state = 'quote'
    } else if (state === 'quote') {
      if (c === '"') {
        end()
        state = 'between'
      } else if (c === '\\') state = 'escape'
      else word += c
    } else if (c === '\n') {
      end()
      state = 'between'
    } else if (state === 'comment' || c === '\r') {
      continue
    } else if (/[\s\u0085]/.test(c) && c !== '\uFEFF') {
      end()
      state = 'between'
    } else if (c === '#' && state === 'between') {
      state = 'comment'
    } else if (c === '#' || state === 'cut') {
      state = 'cut'
    } else if (state === 'between' && c === '"') {
      word = ''
      state = 'quote'
    } else {
      word = (word ?? '') + c
      state = 'word'
    }
  }
  if (state === 'escape') word += '\\'
  if (word === '' && (state === 'quote' || state === 'escape')) word = null
  end()
  return found
}

describe('lex()', () => {
  const table: readonly (readonly [string, string, readonly string[]])[] = [
    ['separates at white space', 'a b\tc\nd\u3000e\u0085f\u00a0g\vh\fi', 'abcdefghi'.split('')],
    [
      'separates at every Unicode space',
      'a\u1680b\u2000c\u200ad\u2028e\u2029f\u202fg\u205fh',
      'abcdefgh'.split(''),
    ],
    ['drops a carriage return without separating', 'a\rb\r\nc', ['ab', 'c']],
    [
      'drops the rest of a word behind #, and of a line where # begins the word',
      'foo#bar baz#"a b\nqux # x "y\nz',
      ['foo', 'baz', 'b', 'qux', 'z'],
    ],
    ['keeps # inside quotes', '"a # b" c', ['a # b', 'c']],
    ['ends a quoted token at the closing quote', '"a"b', ['a', 'b']],
    ['takes a quote inside a word for a letter', 'a"b c"', ['a"b', 'c"']],
    [
      'knows one escape, the quote',
      String.raw`"a\"b" "c\nd" "e\\" f`,
      ['a"b', String.raw`c\nd`, String.raw`e\\`, 'f'],
    ],
    ['keeps a backslash outside quotes', String.raw`a\ b\"c`, ['a\\', 'b\\"c']],
    ['keeps newlines and carriage returns in quotes', '"a\r\nb"', ['a\r\nb']],
    ['gives an empty token for empty quotes', '"" a', ['', 'a']],
    ['keeps what stands in an open quote', 'a "b c', ['a', 'b c']],
    ['drops an open quote without text', 'a "', ['a']],
    ['has no single quotes or backticks', "'a b' `c`", ["'a", "b'", '`c`']],
    ['has no line continuation', 'a \\\nb', ['a', '\\', 'b']],
    ['takes braces for words', '{ {} }a', ['{', '{}', '}a']],
    ['drops one byte order mark', '\uFEFFa \uFEFFb', ['a', '\uFEFFb']],
    ['finds nothing in nothing', '', []],
  ]
  for (const [behaviour, text, expected] of table) {
    test(behaviour, () => {
      assert.deepEqual(texts(text), expected)
      assert.deepEqual(model(text), expected)
    })
  }

  test('counts lines in comments and quotes, a token at its first character', () => {
    const lines = lexText('a # x\n"b\nc" d\n\n  e').map(({ line }) => line)
    assert.deepEqual(lines, [1, 2, 3, 5])
  })

  test('marks the first token of a line; what follows a quote of many lines is none', () => {
    const tokens = lexText('a b\nc "d\ne" f\n"g"\nh')
    assert.deepEqual(
      tokens.filter(({ first }) => first).map(({ text }) => text),
      ['a', 'c', 'g', 'h'],
    )
  })

  test('warns of a brace in quotes', () => {
    assert.deepEqual(warningsOf('"{" "{a" {'), ["Corefile:1 - '{' is a brace in quotes, too"])
  })

  test('gives each token its file', () => {
    assert.equal(lexText('a')[0]?.file, 'Corefile')
  })

  test('warns of a # that cuts a word, not of one that starts a comment', () => {
    assert.deepEqual(warningsOf('a\nb#c\n# d\n"e"#f'), [
      "Corefile:2 - '#' right after 'b' drops the rest of that word alone: put a space before it for a " +
        'comment, or quotes around the word',
    ])
  })

  test('warns of a quote that is never closed', () => {
    assert.deepEqual(warningsOf('a "b"\n"c\n\n'), ['Corefile:2 - Quote is never closed'])
    assert.deepEqual(warningsOf('"a'), ['Corefile:1 - Quote is never closed'])
  })

  test('reads a text of a megabyte in linear time', () => {
    for (const part of ['"', '#', '\\', 'a ', '\r', '\n']) {
      assert.ok(lexText(part.repeat(1 << 20)).length <= 1 << 20)
      assert.ok(lexText(`"${part.repeat(1 << 20)}`).length <= 1 << 20)
    }
  })

  test('agrees with the rules read one character at a time', () => {
    fc.assert(
      fc.property(corefileText, (text) => {
        assert.deepEqual(texts(text), model(text))
      }),
      { numRuns: 2000 },
    )
  })

  test('takes every text, with lines that never go back nor beyond the last', () => {
    fc.assert(
      fc.property(fc.oneof(corefileText, fc.string({ unit: 'binary' })), (text) => {
        const last = text.split('\n').length
        let line = 1
        for (const token of lexText(text)) {
          assert.ok(token.line >= line && token.line <= last)
          line = token.line
        }
      }),
      { numRuns: 1000 },
    )
  })

  test('reads back what is quoted', () => {
    const value = fc.string({ unit: 'binary' }).filter((text) => !/\\(?:"|$)/.test(text))
    fc.assert(
      fc.property(fc.array(value), (values) => {
        const text = values.map((text_) => `"${text_.replaceAll('"', '\\"')}"`).join(' ')
        assert.deepEqual(texts(text), values)
      }),
      { numRuns: 1000 },
    )
  })

  test('finds the same tokens in what it found, written out again', () => {
    fc.assert(
      fc.property(corefileText, (text) => {
        fc.pre(warningsOf(text).every((warning) => !warning.includes('never closed')))
        const tokens = lexText(text)
        const again = lexText(tokens.map(render).join(''))
        const withoutLine = (token: Lexeme): Lexeme => ({ ...token, line: 0 })
        assert.deepEqual(again.map(withoutLine), tokens.map(withoutLine))
      }),
      { numRuns: 1000 },
    )
  })
})
