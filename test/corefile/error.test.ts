import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import {
  argumentError,
  CorefileError,
  errorAt,
  inPlugin,
  missingPlugin,
  pluginError,
  syntaxError,
  valueError,
} from '../../src/corefile/error.ts'
import { DnsletError } from '../../src/lib/errors.ts'
import { messageOf, token } from './support.ts'

const at = token('foo', 4)
const grammar = '/etc/Corefile:4 - Error during parsing: '

function caught(read: () => unknown): Error {
  try {
    read()
  } catch (error) {
    return error as Error
  }
  throw new Error('nothing was thrown')
}

describe('the errors of a Corefile', () => {
  const table = [
    [errorAt(at, 'Unexpected EOF'), 'E_COREFILE_SYNTAX', `${grammar}Unexpected EOF`],
    [
      argumentError(at),
      'E_COREFILE_SYNTAX',
      `${grammar}Wrong argument count or unexpected line ending after 'foo'`,
    ],
    [
      argumentError(token('{', 4)),
      'E_COREFILE_SYNTAX',
      `${grammar}Unexpected token '{', expecting argument`,
    ],
    [
      syntaxError(at, '}'),
      'E_COREFILE_SYNTAX',
      "/etc/Corefile:4 - Syntax error: Unexpected token 'foo', expecting '}'",
    ],
    [valueError(at, 'not a foo'), 'E_COREFILE_VALUE', '/etc/Corefile:4 - not a foo'],
    [
      missingPlugin(at),
      'E_COREFILE_VALUE',
      "/etc/Corefile:4 - no action found for directive 'foo' with server type 'dns' (missing a plugin?)",
    ],
    [
      missingPlugin(at, 'nobody asks'),
      'E_COREFILE_VALUE',
      "/etc/Corefile:4 - no action found for directive 'foo' with server type 'dns' (left out: nobody asks)",
    ],
    [pluginError('cache', at, 'no'), 'E_COREFILE_PLUGIN', '/etc/Corefile:4 - plugin/cache: no'],
  ] as const
  for (const [error, code, message] of table) {
    test(message, () => {
      assert.ok(error instanceof CorefileError && error instanceof DnsletError)
      const { name, file, line } = error
      assert.deepEqual(
        [name, error.code, error.message, file, line],
        ['CorefileError', code, message, at.file, 4],
      )
    })
  }
})

describe('inPlugin()', () => {
  const directive = token('forward', 3)

  test('returns what the reader returns', () => {
    assert.equal(
      inPlugin(directive, () => 7),
      7,
    )
  })

  const table = [
    ['lets a grammar error name its own position', errorAt(at, 'x'), `plugin/forward: ${grammar}x`],
    [
      'puts the name of the plugin into a value error',
      valueError(at, 'x'),
      '/etc/Corefile:4 - plugin/forward: x',
    ],
    [
      'leaves an error that names its plugin',
      pluginError('cache', at, 'x'),
      '/etc/Corefile:4 - plugin/cache: x',
    ],
    [
      'gives other errors the position of the directive',
      new Error('x'),
      '/etc/Corefile:3 - plugin/forward: x',
    ],
    ['does so for our own', new DnsletError('E_REGEX', 'x'), '/etc/Corefile:3 - plugin/forward: x'],
  ] as const
  for (const [behaviour, error, message] of table) {
    test(behaviour, () => {
      const thrown = caught(() => {
        inPlugin(directive, () => {
          throw error
        })
      })
      assert.equal(thrown.message, message)
      assert.ok(thrown === error || thrown.cause === error)
    })
  }

  test('prefixes once however deep it nests', () => {
    const nested = (): unknown =>
      inPlugin(directive, () =>
        inPlugin(directive, () => {
          throw valueError(at, 'x')
        }),
      )
    assert.equal(messageOf(nested), '/etc/Corefile:4 - plugin/forward: x')
  })

  test('does not disguise a programming error', () => {
    const bug = new TypeError('x is not a function')
    const thrown = caught(() => {
      inPlugin(directive, () => {
        throw bug
      })
    })
    assert.equal(thrown, bug)
  })
})
