import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { messageOf, outline, parseText } from './support.ts'

function warningsOf(text: string): readonly string[] {
  const warnings: string[] = []
  parseText(text, { warn: (message) => warnings.push(message) })
  return warnings
}

/** The Corefile of the official node-local DNS manifest, as its installer leaves it. */
const zoneBlock = (
  zone: string,
  cache: string,
  forward: string,
  extra: string = '',
): string => `${zone}:53 {
    errors
    cache ${cache}
    reload
    loop
    bind 169.254.20.10 10.96.0.10
    forward . ${forward}
    prometheus :9253${extra}
    }
`
const toCluster = '10.104.7.2 {\n            force_tcp\n    }'
const official =
  zoneBlock(
    'cluster.local',
    '{\n            success 9984 30\n            denial 9984 5\n    }',
    toCluster,
    '\n    health 169.254.20.10:8080',
  ) +
  zoneBlock('in-addr.arpa', '30', toCluster) +
  zoneBlock('ip6.arpa', '30', toCluster) +
  zoneBlock('.', '30', '/etc/resolv.conf')

describe('parse()', () => {
  test('reads the four blocks of the official Corefile', () => {
    const common = (forward: unknown): readonly unknown[] => [
      'reload',
      'loop',
      'bind 169.254.20.10 10.96.0.10',
      forward,
      'prometheus :9253',
    ]
    const cluster = ['forward . 10.104.7.2', 'force_tcp']
    assert.deepEqual(outline(parseText(official)), [
      [
        ['cluster.local:53'],
        'errors',
        ['cache', 'success 9984 30', 'denial 9984 5'],
        ...common(cluster),
        'health 169.254.20.10:8080',
      ],
      [['in-addr.arpa:53'], 'errors', 'cache 30', ...common(cluster)],
      [['ip6.arpa:53'], 'errors', 'cache 30', ...common(cluster)],
      [['.:53'], 'errors', 'cache 30', ...common('forward . /etc/resolv.conf')],
    ])
    assert.deepEqual(warningsOf(official), [])
  })

  const accepted: readonly (readonly [string, string, unknown])[] = [
    ['nothing', '', []],
    ['comments alone', '# a\n  # b', []],
    ['snippets alone', '(a) {\n}\n(b) {\nlog\n}', []],
    ['a line of keys alone', 'a b', [[['a', 'b']]]],
    ['an empty block', '. {\n}', [[['.']]]],
    ['a closing brace on the line of the opening one', '. { }', [[['.']]]],
    ['many keys', 'a b:53\tc {\n}', [[['a', 'b:53', 'c']]]],
    [
      'keys over lines, each but the last with a comma',
      'a, b,\nc,\n\nd {\n}',
      [[['a', 'b', 'c', 'd']]],
    ],
    ['a comma inside a key', 'a,b {\n}', [[['a,b']]]],
    ['an opening brace in the next line', '.\n{\nlog\n}', [[['.'], 'log']]],
    ['one block without braces', '. a\nlog\ncache 30\n', [[['.', 'a'], 'log', 'cache 30']]],
    [
      'blocks on one line after another',
      'a {\nlog\n} b {\nlog\n}',
      [
        [['a'], 'log'],
        [['b'], 'log'],
      ],
    ],
    ['a directive on the line of the opening brace', '. { log\n}', [[['.'], 'log']]],
    [
      'a directive that occurs twice',
      '. {\nlog a\ncache\nlog b\n}',
      [[['.'], 'log a', 'log b', 'cache']],
    ],
    ['empty braces of a directive', '. {\ncache 5 {\n}\n}', [[['.'], ['cache 5']]]],
    ['empty braces on one line', '. {\ncache { }\n}', [[['.'], ['cache']]]],
    [
      'an option beside the opening brace',
      '. {\ncache { success 10\n}\n}',
      [[['.'], ['cache', 'success 10']]],
    ],
    ['empty arguments', '. {\ncache "" x\n}', [[['.'], 'cache  x']]],
    ['empty keys', '"" a {\n}', [[['a']]]],
    [
      'braces in quotes as braces',
      '. "{"\nlog {\nclass all\n"}"\n}',
      [[['.'], ['log', 'class all']]],
    ],
    [
      'options below their directive',
      '. {\nlog . a\n{\nclass all\n}\nerrors\n}',
      [[['.'], ['log . a', 'class all'], 'errors']],
    ],
    ['an argument over lines', '. {\nlog "a\nb" c\ncache\n}', [[['.'], 'log a\nb c', 'cache']]],
    ['words that hold braces', '. {\nlog {} {common}\n}', [[['.'], 'log {} {common}']]],
    ['carriage returns', '. {\r\nlog\r\n}\r\n', [[['.'], 'log']]],
    [
      'variables in keys, directives, options and arguments',
      '{$Z}, {%Z%} {\n{$D} {$D}{$NOPE} {\n{$D} {$SPACE}\n}\n}',
      [
        [
          ['z', 'z'],
          ['log log', 'log a b'],
        ],
      ],
    ],
    ['a variable that holds a brace as text', '. {\nlog {$BRACE}\n}', [[['.'], 'log {']]],
  ]
  const env = { Z: 'z', D: 'log', SPACE: 'a b', BRACE: '{' }
  for (const [behaviour, text, expected] of accepted) {
    test(`accepts ${behaviour}`, () =>
      assert.deepEqual(outline(parseText(text, { env })), expected))
  }

  test('gives every token its line', () => {
    const [block] = parseText('a,\nb {\n  cache 5 {\n    success 10\n  }\n}')
    const [cache] = block?.directives.get('cache') ?? []
    assert.deepEqual(
      [...(block?.keys ?? []), cache?.name, cache?.args[0], cache?.options?.[0]?.args[0]].map(
        (token) => token?.line,
      ),
      [1, 2, 3, 3, 4],
    )
    assert.ok(block?.keys.every(({ file }) => file === '/etc/Corefile'))
  })

  test('warns of a block without a key, which can serve nothing', () => {
    assert.deepEqual(outline(parseText('a {\n}\n{\nlog\n}')), [[['a']]])
    assert.deepEqual(warningsOf('a {\n}\n{\nlog\n}'), [
      '/etc/Corefile:2 - Server block without a key is ignored',
    ])
  })

  test('passes on what the lexer warns of', () => {
    assert.equal(warningsOf('a#b').length, 1)
  })
})

describe('parse() rejects in the words of CoreDNS', () => {
  const unmatched = "Unexpected '}' because no matching opening brace"
  const oneLine =
    ": directives go one per line, and the server block's closing '}' on a line of its own"
  const table = [
    ['a block on one line', '. { errors }', 1, unmatched + oneLine],
    ['a closing brace too many before a block', '. {\n}\n}\n.:54 {\n}', 3, unmatched],
    ['a closing brace behind an argument', '. {\nlog x }\n', 2, unmatched + oneLine],
    ['two closing braces on a line', '. {\ncache {\n} }', 3, unmatched + oneLine],
    [
      'a comma before the brace',
      'a, {\n}',
      1,
      "Expected another address but had '{' - check for extra comma",
    ],
    ['a comma at the end', 'a,\n', 1, 'Unexpected EOF'],
    ['braces of a directive that stay open', '. {\ncache {\nsuccess 5\n', 3, 'Unexpected EOF'],
    [
      'an opening brace inside options',
      '. {\ncache {\n{\n',
      3,
      "Unexpected token '{', expecting argument",
    ],
    [
      'an opening brace behind an option',
      '. {\ncache {\nx {\n',
      3,
      "Unexpected token '{', expecting argument",
    ],
    ['an unknown directive', '. {\nkubernetes\n}', 2, "Unknown directive 'kubernetes'"],
    [
      'a typing mistake',
      '. {\nfoward . x\n}',
      2,
      "Unknown directive 'foward' (did you mean 'forward'?)",
    ],
    [
      'a directive in upper case',
      '. {\nLOG\n}',
      2,
      "Unknown directive 'LOG' (did you mean 'log'?)",
    ],
    ['an undefined variable for a directive', '. {\n{$NOPE}\n}', 2, "Unknown directive ''"],
    ['a brace for a directive', '. {\n{\n}', 2, "Unknown directive '{'"],
    [
      'a second snippet of one name',
      '(a) {\n}\n(a) {\n}',
      3,
      'redeclaration of previously declared snippet a',
    ],
  ] as const
  for (const [what, text, line, reason] of table) {
    test(what, () => {
      assert.equal(
        messageOf(() => parseText(text)),
        `/etc/Corefile:${line} - Error during parsing: ${reason}`,
      )
    })
  }

  test('a block that stays open behind the brace of a directive', () => {
    const text = '. {\nlog x\ncache {\n}\n'
    assert.deepEqual([...parseText(text)[0]!.directives.keys()], ['log', 'cache'])
    assert.deepEqual(warningsOf(text), [
      "/etc/Corefile:4 - a '}' is missing here: the server block of line 1 is not closed",
    ])
  })

  const syntax = [
    [
      'a block that stays open',
      '\n. {\nlog x\n',
      3,
      'x',
      "}': the server block of line 2 is not closed",
    ],
    [
      'an empty block that stays open',
      '. {',
      1,
      '{',
      "}': the server block of line 1 is not closed",
    ],
    ['a snippet that stays open', '(a) {\nlog {\n}\n', 3, '}', '}'],
    ['a snippet without braces', '(a)\nlog', 2, 'log', '{'],
    ['a snippet name alone', '(a)', 1, '(a)', '{'],
    ['an argument behind a closing brace', '. {\ncache {\n} x\n}', 3, 'x', 'end of line'],
  ] as const
  for (const [what, text, line, token, want] of syntax) {
    test(what, () => {
      assert.equal(
        messageOf(() => parseText(text)),
        `/etc/Corefile:${line} - Syntax error: Unexpected token '${token}', expecting '${want}${want.includes("'") ? '' : "'"}`,
      )
    })
  }

  test('a variable that refers to itself', () => {
    assert.match(
      messageOf(() => parseText('. {\nlog {$A}\n}', { env: { A: '{$A}{$A}' } })) ?? '',
      /^\/etc\/Corefile:2 - Cannot expand/,
    )
  })
})

describe('parse() on any text', () => {
  const part = fc.oneof(
    fc.constantFrom(
      ' ',
      '\n',
      ' {\n',
      '\n}\n',
      '{',
      '}',
      '"',
      '#',
      ',',
      '.',
      'log',
      'cache 5',
      'x',
    ),
    fc.constantFrom(
      '(s)',
      '(s) {\nlog\n}\n',
      '\nimport s\n',
      '\nimport f\n',
      '\nimport *\n',
      '{$A}',
      '{%A%}',
    ),
    fc.string({ unit: 'binary', maxLength: 3 }),
  )
  const text = fc.array(part, { maxLength: 20 }).map((parts) => parts.join(''))

  test('gives blocks or a CorefileError with file and line', () => {
    fc.assert(
      fc.property(text, text, text, (main, file, A) => {
        const message = messageOf(() => parseText(main, { files: { '/etc/f': file }, env: { A } }))
        assert.ok(message === undefined || /^\/etc\/(?:Corefile|f):\d+ - /.test(message), message)
      }),
      { numRuns: 1000 },
    )
  })

  test('reads back the blocks that were written', () => {
    const word = fc.stringMatching(/^[a-z0-9.:_-]{1,8}$/).filter((w) => w !== 'import')
    const words = fc.array(word, { maxLength: 3 })
    const line = fc.tuple(
      fc.constantFrom('log', 'cache', 'forward'),
      words,
      fc.option(fc.array(fc.tuple(word, words))),
    )
    const block = fc.tuple(
      fc.array(word, { minLength: 1, maxLength: 3 }),
      fc.array(line, { maxLength: 4 }),
    )
    fc.assert(
      fc.property(fc.array(block), (blocks) => {
        const source = blocks.map(([keys, lines]) => {
          const body = lines.map(([name, args, options]) => {
            const head = [name, ...args].join(' ')
            if (options === null) return `  ${head}\n`
            return `  ${head} {\n${options.map(([o, a]) => `    ${[o, ...a].join('\t')}\n`).join('')}  }\n`
          })
          return `${keys.join(' ')} {\n${body.join('')}}\n`
        })
        const expected = blocks.map(([keys, lines]) => [
          keys,
          ...[...new Set(lines.map(([name]) => name))].flatMap((name) =>
            lines
              .filter(([other]) => other === name)
              .map(([, args, options]) => {
                const head = [name, ...args].join(' ')
                return options === null
                  ? head
                  : [head, ...options.map(([o, a]) => [o, ...a].join(' '))]
              }),
          ),
        ])
        assert.deepEqual(outline(parseText(source.join('# comment\n'))), expected)
      }),
    )
  })
})
