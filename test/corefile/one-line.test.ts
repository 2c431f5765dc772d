// Options on one line and braces too many: what CoreDNS takes, and what it does not.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type CorefileError, everyError } from '../../src/corefile/error.ts'
import {
  type Directive,
  flag,
  integer,
  list,
  one,
  reaching,
  read,
} from '../../src/corefile/directive.ts'
import { asWritten, messageOf, outline, parseText } from './support.ts'

const table = {
  count: reaching(1, one(integer)),
  word: reaching(1, one(asWritten)),
  bare: reaching(0, flag),
  names: reaching('brace', list(asWritten, 1)),
  line: list(asWritten),
}

function directive(lines: string): Directive {
  const [block] = parseText(`. {\ncache {${lines}\n}\n`)
  return block!.directives.get('cache')![0]!
}

describe('options on one line', () => {
  const accepted: readonly (readonly [lines: string, values: object, ...warnings: string[]])[] = [
    [' count 5 }', { count: 5 }, "2 - '}' after 'count'"],
    [' bare }', { bare: true }, "2 - '}' after 'bare'"],
    [' names a b }', { names: ['a', 'b'] }, "2 - '}' after 'names'"],
    [
      ' count 5 word x }',
      { count: 5, word: 'x' },
      "2 - 'word' begins another option",
      "2 - '}' after 'word'",
    ],
    ['\ncount 5 word x\n}', { count: 5, word: 'x' }, "3 - 'word' begins another option"],
    [' count 5\nword x\n}', { count: 5, word: 'x' }],
    ['\nline a\ncount 5 }', { line: ['a'], count: 5 }, "4 - '}' after 'count'"],
    [' }', {}],
  ]
  for (const [lines, values, ...warnings] of accepted) {
    test(`cache {${lines.replaceAll('\n', ' ⏎ ')} is read`, () => {
      const said: string[] = []
      const warn = (message: string): void => void said.push(message)
      assert.deepEqual(read(directive(lines), table, { warn }), values)
      assert.deepEqual(
        said.map((message) => message.replace(/^\/etc\/Corefile:(.*): better on .*$/, '$1')),
        warnings,
      )
    })
  }

  const oneLine = "Options go one per line, and the closing '}' on a line of its own"
  for (const lines of [' line a }', '\nline a }', ' unknown }', ' count }']) {
    test(`cache {${lines.replaceAll('\n', ' ⏎ ')} is refused with what to do`, () => {
      const line = lines.startsWith('\n') ? 3 : 2
      assert.equal(
        messageOf(() => read(directive(lines), table)),
        `plugin/cache: /etc/Corefile:${line} - Error during parsing: ${oneLine}`,
      )
    })
  }

  test('read() throws every mistake of a directive at once', () => {
    const lines = '\ncount x\nfoo 1\nword\nbare\n}'
    assert.throws(
      () => read(directive(lines), table),
      (error: CorefileError) => {
        assert.deepEqual(
          everyError(error).map(({ line }) => line),
          [3, 4, 5],
        )
        for (const { message } of everyError(error)) assert.match(message, /plugin\/cache: /)
        return true
      },
    )
  })
})

describe('a brace too many', () => {
  const ignored: readonly (readonly [written: string, blocks: readonly unknown[], line: number])[] =
    [
      ['. {\nlog\n}\n}\n', [[['.'], 'log']], 4],
      ['. {\nlog\n} }\n# end\n', [[['.'], 'log']], 3],
      ['. {\nlog\n}\n}\n}\n', [[['.'], 'log']], 4],
      ['. {\nlog\n}\n}\nerrors\n', [[['.'], 'log']], 4],
      ['. {\nlog\n}\n} {\nerrors\n}\na {\n}\n', [[['.'], 'log'], [['a']]], 4],
      [
        '. {\nlog\n} } a {\nerrors\n}\n',
        [
          [['.'], 'log'],
          [['a'], 'errors'],
        ],
        3,
      ],
      ['.:53 {log\nerrors\n}\n', [[['.:53', '{log'], 'errors']], 3],
      ['.\nlog\n}\n', [[['.'], 'log']], 3],
    ]
  for (const [written, blocks, line] of ignored) {
    test(written.replaceAll('\n', ' ⏎ '), () => {
      const said: string[] = []
      const warn = (message: string): void => void said.push(message)
      assert.deepEqual(outline(parseText(written, { warn })), blocks)
      assert.match(said[0] ?? '', new RegExp(`^/etc/Corefile:${line} - '}' `))
    })
  }
})

test('a variable that is not set is named, once for each place', () => {
  const said: string[] = []
  const warn = (message: string): void => void said.push(message)
  parseText('. {\nprometheus {$MY_HOST_IP}:9253\nlog {%B%}\nbind {$SET}\n}\n', {
    env: { SET: 'x' },
    warn,
  })
  assert.deepEqual(said, [
    '/etc/Corefile:2 - {$MY_HOST_IP} is not set: it stands for nothing',
    '/etc/Corefile:3 - {%B%} is not set: it stands for nothing',
  ])
})
