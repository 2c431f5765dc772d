import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { expandEnvironment } from '../../src/corefile/expand.ts'
import { messageOf, token } from './support.ts'

const env = {
  A: 'one',
  B: '{$A} two',
  C: '{%A%}',
  NAME: 'A',
  SELF: 'x{$SELF}',
  PING: '{$PONG}',
  PONG: '{$PING}',
  EMPTY: '',
  BIG: '{$BIG_2}'.repeat(2048),
  BIG_2: 'x'.repeat(1024),
}

function expand(text: string): string {
  return expandEnvironment(token(text, 7), env)
}

describe('expandEnvironment()', () => {
  const table = [
    ['leaves text without a reference', 'a}b$c', 'a}b$c'],
    ['knows both forms', '{$A}-{%A%}', 'one-one'],
    ['expands values in turn', '{$B}', 'one two'],
    ['expands the percent form first, so that it may build a name', '{${%NAME%}}', 'one'],
    ['does not go back to the percent form', '{$C}', '{%A%}'],
    ['replaces every occurrence', '{$A}{$A}', 'oneone'],
    ['takes an undefined variable for empty', 'x{$NOPE}y{%NOPE%}{$EMPTY}', 'xy'],
    ['takes the properties of every object for undefined', '{$constructor}', ''],
    ['stops at an empty name', '{$}{$A}', '{$}{$A}'],
    ['stops at an empty name in percent form alone', '{%%}{$A}', '{%%}one'],
    ['does not take {%} for a reference', '{%}', '{%}'],
    ['leaves an opener without closer', '{$A {%A', '{$A {%A'],
    ['knows no default values', '{$NOPE:x}', ''],
  ] as const
  for (const [behaviour, text, expected] of table) {
    test(behaviour, () => assert.equal(expand(text), expected))
  }

  for (const name of ['SELF', 'PING']) {
    test(`ends with an error where ${name} refers to itself`, () => {
      assert.match(
        messageOf(() => expand(`{$${name}}`)) ?? '',
        /^\/etc\/Corefile:7 - Cannot expand '\{\$P?[A-Z]+\}': its value refers to itself or is too long$/,
      )
    })
  }

  test('ends with an error where values multiply beyond a mebibyte', () => {
    assert.match(messageOf(() => expand('{$BIG}')) ?? '', /is too long$/)
  })

  test('comes to an end on every text and environment', () => {
    const text = fc
      .array(fc.constantFrom('{$', '{%', '%}', '}', 'A', 'B', ' '), { maxLength: 12 })
      .map((parts) => parts.join(''))
    fc.assert(
      fc.property(text, text, text, (start, A, B) => {
        const message = messageOf(() => expandEnvironment(token(start), { A, B }))
        assert.ok(message === undefined || message.startsWith('/etc/Corefile:1 - Cannot expand'))
      }),
      { numRuns: 500 },
    )
  })
})
