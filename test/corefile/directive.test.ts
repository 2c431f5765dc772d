import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import {
  all,
  bare,
  check,
  countArgs,
  type Directive,
  duration,
  flag,
  integer,
  list,
  once,
  one,
  oneOf,
  read,
  tuple,
  unknownOption,
  unknownProperty,
} from '../../src/corefile/directive.ts'
import { asWritten, messageOf, parseText } from './support.ts'

/** The occurrences of the first directive in a block of these lines; line 2 is the first of them. */
function directives(...lines: readonly string[]): readonly Directive[] {
  const [block] = parseText(`. {\n${lines.join('\n')}\n}`)
  return [...(block?.directives.values() ?? [])][0] ?? []
}

/** One `cache` with these options, the first in line 3. */
function cache(...options: readonly string[]): Directive {
  const [directive] = directives('cache {', ...options, '}')
  assert.ok(directive)
  return directive
}

function position(line: number): string {
  return `/etc/Corefile:${line} - `
}

function argumentCount(line: number, after: string): string {
  return `plugin/cache: ${position(line)}Error during parsing: Wrong argument count or unexpected line ending after '${after}'`
}

const positive = check(integer, (value) => (value > 0 ? null : `not positive: ${value}`))

const table = {
  keepttl: flag,
  servfail: one(duration),
  except: list(asWritten, 1, 3),
  anything: list(asWritten),
  success: tuple([positive], [integer, duration]),
  pair: tuple([asWritten, integer]),
  zone: all(list(asWritten, 1)),
  policy: one(oneOf(['round_robin', 'random'], (given) => `unknown policy '${given}'`)),
}

describe('read()', () => {
  test('reads what is written and leaves out what is not', () => {
    const found = read(
      cache(
        'keepttl',
        'servfail 5s',
        'except a b',
        'anything',
        'success 10 20',
        'pair x 1',
        'zone a b',
        'zone c',
        'policy Random',
      ),
      table,
    )
    assert.deepEqual(found, {
      keepttl: true,
      servfail: 5_000,
      except: ['a', 'b'],
      anything: [],
      success: [10, 20],
      pair: ['x', 1],
      zone: [['a', 'b'], ['c']],
      policy: 'random',
    })
    assert.deepEqual(read(cache(), table), {})
  })

  test('reads a directive without braces as one without options', () => {
    const [directive] = directives('cache 30')
    assert.ok(directive)
    assert.deepEqual(read(directive, table), {})
  })

  test('lets a later line replace an earlier one', () => {
    assert.deepEqual(read(cache('servfail 1s', 'servfail 2s'), table), { servfail: 2_000 })
  })

  const bad = [
    ['keepttl yes', argumentCount(3, 'yes')],
    ['servfail', argumentCount(3, 'servfail')],
    ['servfail 1s 2s', argumentCount(3, '2s')],
    ['except', argumentCount(3, 'except')],
    ['except a b c d', argumentCount(3, 'd')],
    ['success 1 2 3s 4', argumentCount(3, '4')],
    ['pair x', argumentCount(3, 'x')],
    ['success 0', `${position(3)}plugin/cache: not positive: 0`],
    ['success x', `${position(3)}plugin/cache: strconv.Atoi: parsing "x": invalid syntax`],
    ['policy best', `${position(3)}plugin/cache: unknown policy 'best'`],
    ['foo 1', argumentCount(3, 'foo')],
    ['constructor', argumentCount(3, 'constructor')],
  ] as const
  for (const [line, message] of bad) {
    test(`rejects "${line}"`, () => {
      assert.equal(
        messageOf(() => read(cache(line), table)),
        message,
      )
    })
  }

  test('complains of an unknown option as the plugin likes', () => {
    assert.equal(
      messageOf(() => read(cache('foo'), table, { unknown: unknownProperty })),
      `plugin/cache: ${position(3)}Error during parsing: unknown property 'foo'`,
    )
    const unknown: string[] = []
    assert.deepEqual(
      read(cache('foo 1', 'keepttl'), table, {
        unknown: (option) => void unknown.push(option.name.text),
      }),
      { keepttl: true },
    )
    assert.deepEqual(unknown, ['foo'])
  })
})

describe('countArgs()', () => {
  test('gives the arguments', () => {
    const [directive] = directives('cache 1 2')
    assert.ok(directive)
    assert.deepEqual(countArgs(directive, 0).map(asWritten), ['1', '2'])
    assert.deepEqual(countArgs(directive, 2, 2).map(asWritten), ['1', '2'])
  })
})

describe('once()', () => {
  test('gives the one occurrence', () => {
    assert.equal(once(directives('cache 30')).name.text, 'cache')
  })

  test('rejects a second one, at its own line', () => {
    assert.equal(
      messageOf(() => once(directives('cache 30', 'cache 60'))),
      `${position(3)}plugin/cache: this plugin can only be used once per Server Block`,
    )
  })

  test('cannot be asked for one that is absent', () => {
    assert.throws(() => once([]), RangeError)
  })
})

test('bare() rejects a second one, arguments, and braces, empty ones included', () => {
  bare(directives('cache'))
  assert.throws(() => bare(directives('cache', 'cache')), /can only be used once/)
  assert.throws(() => bare(directives('cache 30')), /plugin\/cache: .*30/)
  for (const braced of [cache(), cache('foo')]) {
    assert.equal(
      messageOf(() => bare([braced])),
      `plugin/cache: ${position(2)}Error during parsing: Unexpected token '{', expecting argument`,
    )
  }
})

test('unknownOption() throws what CoreDNS says, and the option that was probably meant', () => {
  const message = `${position(3)}Error during parsing: Wrong argument count or unexpected line ending after `
  for (const [word, said] of [
    ['foo', `${message}'foo'`],
    ['tll', `${message}'tll' (did you mean 'ttl'?)`],
  ] as const) {
    const [option] = cache(`${word} 1`).options ?? []
    assert.ok(option)
    assert.equal(
      messageOf(() => unknownOption(option, ['size', 'ttl'])),
      said,
    )
  }
})
