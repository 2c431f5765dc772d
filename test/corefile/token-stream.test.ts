import assert from 'node:assert/strict'
import { resolve } from 'node:path'
import { describe, test } from 'node:test'
import { MAX_FILE_BYTES } from '../../src/corefile/files.ts'
import { parse } from '../../src/corefile/parse.ts'
import { known, memoryFiles, messageOf, outline, parseText, type Situation } from './support.ts'

const parsing = (line: number, file: string = '/etc/Corefile'): string =>
  `${file}:${line} - Error during parsing: `

/** Lines of a block `.` around what is given. */
function block(...lines: readonly string[]): string {
  return `. {\n${lines.join('\n')}\n}\n`
}

describe('import of a snippet', () => {
  const table: readonly (readonly [string, string, unknown])[] = [
    [
      'in a block',
      `(s) {\nerrors\ncache 5\n}\n${block('import s', 'log')}`,
      [[['.'], 'errors', 'cache 5', 'log']],
    ],
    [
      'with its first line beside the brace',
      `(s) { errors\ncache\n}\n${block('import s')}`,
      [[['.'], 'errors', 'cache']],
    ],
    [
      'twice in one block',
      `(s) {\ncache 5\n}\n${block('import s', 'import s')}`,
      [[['.'], 'cache 5', 'cache 5']],
    ],
    [
      'in the braces of a directive',
      `(s) {\nsuccess 1\n}\n${block('cache {', 'import s', 'denial 2', '}')}`,
      [[['.'], ['cache', 'success 1', 'denial 2']]],
    ],
    [
      'beside the opening brace of a directive',
      `(s) {\nsuccess 1\n}\n${block('cache { import s', '}')}`,
      [[['.'], ['cache', 'success 1']]],
    ],
    [
      'that holds braces',
      `(s) {\ncache {\nsuccess 1\n}\n}\n${block('import s')}`,
      [[['.'], ['cache', 'success 1']]],
    ],
    ['that holds whole blocks', `(s) {\n. {\nerrors\n}\n}\nimport s\n`, [[['.'], 'errors']]],
    ['that holds the keys', `(s) {\na b\n}\nimport s\n{\nerrors\n}\n`, [[['a', 'b'], 'errors']]],
    [
      'that imports another',
      `(a) {\nerrors\n}\n(b) {\nimport a\nlog\n}\n${block('import b')}`,
      [[['.'], 'errors', 'log']],
    ],
    ['that is empty', `(s) {\n}\n${block('import s', 'log')}`, [[['.'], 'log']]],
    ['whose name is in a variable', `(s) {\nlog\n}\n${block('import {$S}')}`, [[['.'], 'log']]],
    [
      'for a block without braces',
      `(s) {\nlog\n}\n.\nimport s\nerrors`,
      [[['.'], 'log', 'errors']],
    ],
  ]
  for (const [behaviour, text, expected] of table) {
    test(behaviour, () => {
      assert.deepEqual(outline(parseText(text, { env: { S: 's' } })), expected)
    })
  }

  test('keeps the lines of the snippet', () => {
    const [parsed] = parseText(`(s) {\nlog\n}\n${block('import s')}`)
    assert.equal(parsed?.directives.get('log')?.[0]?.name.line, 2)
  })

  test('wins over a file of that name', () => {
    const text = `(s) {\nlog\n}\n${block('import s')}`
    assert.deepEqual(outline(parseText(text, { files: { '/etc/s': 'errors' } })), [[['.'], 'log']])
  })

  test('takes the word import elsewhere than at the start of a line for an argument', () => {
    assert.deepEqual(outline(parseText(block('cache import s'))), [[['.'], 'cache import s']])
    assert.deepEqual(outline(parseText('a import {\n}')), [[['a', 'import']]])
  })
})

describe('import of files', () => {
  const files = {
    '/etc/common': 'errors\nlog # no newline at the end',
    '/etc/blocks': 'a {\nlog\n}\nb {\nlog\n}',
    '/etc/d/1.conf': '\uFEFFcache 1',
    '/etc/d/2.conf': 'cache 2',
    '/etc/d/nested': 'import 1.conf\nimport ../common',
    '/etc/empty': '# nothing',
    '/etc/only': null,
    '/srv/x': 'cache 3',
  }
  const table: readonly (readonly [string, string, unknown])[] = [
    ['beside the Corefile', block('import common'), [[['.'], 'errors', 'log']]],
    ['by an absolute path', block('import /srv/x'), [[['.'], 'cache 3']]],
    ['by a pattern, sorted', block('import d/*.conf'), [[['.'], 'cache 1', 'cache 2']]],
    ['by a question mark', block('import d/?.conf'), [[['.'], 'cache 1', 'cache 2']]],
    [
      'relative to the file that imports',
      block('import d/nested'),
      [[['.'], 'cache 1', 'errors', 'log']],
    ],
    [
      'with whole blocks',
      'import blocks',
      [
        [['a'], 'log'],
        [['b'], 'log'],
      ],
    ],
    ['without content', block('import empty', 'log'), [[['.'], 'log']]],
    ['more than once', block('import /srv/x', 'import /srv/x'), [[['.'], 'cache 3', 'cache 3']]],
    ['named by a variable', block('import {$DIR}/x'), [[['.'], 'cache 3']]],
  ]
  for (const [behaviour, text, expected] of table) {
    test(behaviour, () => {
      assert.deepEqual(outline(parseText(text, { files, env: { DIR: '/srv' } })), expected)
    })
  }

  test('is relative to the working directory for a Corefile named without one', () => {
    const options = {
      directives: known,
      env: {},
      files: memoryFiles({ [resolve('x.conf')]: 'log' }),
      warn: () => {},
    }
    const blocks = parse({ file: 'stdin', text: block('import x.conf') }, options)
    assert.deepEqual(outline(blocks), [[['.'], 'log']])
  })

  test('quotes nothing of a file that does not begin like a Corefile, and says where', () => {
    const secret = { '/etc/secret': 'a\nb\nc\nlog' }
    assert.match(
      messageOf(() => parseText(block('import secret'), { files: secret })) ?? '',
      /^\/etc\/secret:1 - Error during parsing: Cannot be read as part of a Corefile/,
    )
    const asKey = (): unknown => parseText('import key\n', { files: { '/etc/key': 'a' } })
    assert.doesNotThrow(asKey)
  })

  test('names the imported file by its absolute path', () => {
    assert.equal(
      messageOf(() =>
        parseText(block('import common'), { files: { '/etc/common': '\nfoo\nlog' } }),
      ),
      `${parsing(2, '/etc/common')}Unknown directive 'foo'`,
    )
  })

  test('warns where a pattern matches nothing, once', () => {
    const warnings: string[] = []
    const text = block('import d/*.no', 'import d/*.no')
    assert.deepEqual(
      outline(parseText(text, { files, warn: (message) => warnings.push(message) })),
      [[['.']]],
    )
    assert.deepEqual(warnings, ['No files matching import glob pattern: d/*.no'])
  })

  const bad = [
    ['import', "Wrong argument count or unexpected line ending after 'import'"],
    ['import\ncommon', "Wrong argument count or unexpected line ending after 'import'"],
    ['import ""', 'Import requires a non-empty filepath'],
    ['import {$NOPE}', 'Import requires a non-empty filepath'],
    ['import common other', 'Import takes only one argument (glob pattern or file)'],
    ['import nope', 'File to import not found: nope'],
    ['import only', 'Could not import /etc/only: is a directory'],
    ['import d/*.*', 'Glob pattern may only contain one wildcard (*), but has others: /etc/d/*.*'],
    ['import d/??', 'Glob pattern may only contain one wildcard (*), but has others: /etc/d/??'],
    [
      'import d/[a-z]',
      'Glob pattern may only contain one wildcard (*), but has others: /etc/d/[a-z]',
    ],
    ['import d/[a', 'Failed to use import pattern d/[a: syntax error in pattern'],
    ['import d/x\\', 'Failed to use import pattern d/x\\: syntax error in pattern'],
  ] as const
  for (const [line, reason] of bad) {
    test(`rejects "${line}"`, () => {
      assert.equal(
        messageOf(() => parseText(block(line), { files })),
        parsing(2) + reason,
      )
    })
  }
})

test('a snippet that is not there is met with the nearest one', () => {
  const text = `(node) {\nlog\n}\n${block('import nodes')}`
  assert.equal(
    messageOf(() => parseText(text)),
    `${parsing(5)}File to import not found: nodes (did you mean 'node'?)`,
  )
})

describe('imports that do not end', () => {
  const snippets = 'maximum snippet import depth (10000) exceeded'
  const endless: readonly (readonly [string, string, Situation, string])[] = [
    ['a snippet that imports itself', '(s) {\nlog\nimport s\n}\n.', {}, parsing(4) + snippets],
    [
      'a snippet that imports itself by a variable',
      '(s) {\nimport {$S}\n}\n.',
      { env: { S: 's' } },
      parsing(3) + snippets,
    ],
    [
      'snippets that import each other',
      `(a) {\nimport b\n}\n(b) {\nimport a\n}\n${block('import a')}`,
      {},
      parsing(5) + snippets,
    ],
    [
      'a file that imports itself',
      block('import x'),
      { files: { '/etc/x': 'log\nimport x' } },
      `${parsing(2, '/etc/x')}maximum file import depth (100000) exceeded`,
    ],
    [
      'files that import each other by patterns',
      'import d/*',
      { files: { '/etc/d/a': 'import b', '/etc/d/b': 'import *' } },
      `${parsing(1, '/etc/d/b')}maximum file import depth (100000) exceeded`,
    ],
    [
      'a file that imports the Corefile',
      'import x',
      { files: { '/etc/x': 'import Corefile', '/etc/Corefile': 'import x' } },
      `${parsing(1, '/etc/Corefile')}maximum file import depth (100000) exceeded`,
    ],
  ]
  for (const [behaviour, text, situation, message] of endless) {
    test(behaviour, () => {
      assert.equal(
        messageOf(() => parseText(text, situation)),
        message,
      )
    })
  }

  test('imports that multiply', () => {
    const body = 'log\n'.repeat(100)
    const text = `(a) {\n${body}}\n(b) {\n${'import a\n'.repeat(1000)}}\n${block(...Array.from({ length: 11 }, () => 'import b'))}`
    const message = messageOf(() => parseText(text))
    assert.equal(message, `${parsing(6)}more than 1000000 tokens`)
  })
})

describe('a Corefile that is too large', () => {
  test('by its characters', () => {
    const message = messageOf(() => parseText('#'.repeat(MAX_FILE_BYTES + 1)))
    assert.equal(message, `${parsing(1)}file is larger than 4194304 bytes`)
  })

  test('by its tokens', () => {
    const message = messageOf(() => parseText('a '.repeat(1_000_001)))
    assert.equal(message, `${parsing(1)}more than 1000000 tokens`)
  })
})
