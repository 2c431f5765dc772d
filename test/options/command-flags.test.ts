import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import {
  commandUsage,
  type CommandSyntax,
  type GivenCommandFlags,
  readCommandFlags,
} from '../../src/options/command-flags.ts'
import { UsageError } from '../../src/options/usage-error.ts'

const syntax: CommandSyntax = {
  name: 'toy',
  synopsis: 'dnslet toy [flags] [name]',
  words: 1,
  flags: [
    { name: 'host', type: 'text', repeats: true, describe: 'a host' },
    { name: 'colour', type: 'text', choices: ['red', 'green'], fallback: 'red', describe: 'one' },
    { name: 'json', type: 'text', bare: '-', describe: 'to a file, or standard output' },
    { name: 'c', aliases: ['concurrency'], type: 'number', least: 1, most: 9, describe: 'so many' },
    { name: 'rate', type: 'number', fractions: true, describe: 'a second' },
    { name: 'd', type: 'duration', least: 1, most: 60_000, fallback: '30', describe: 'how long' },
    { name: 'l', type: 'duration', unit: 'ms', most: 1_000, describe: 'limit' },
    { name: 'loud', type: 'boolean', describe: 'say so' },
  ],
}

function read(...argv: readonly string[]): GivenCommandFlags {
  return readCommandFlags(syntax, argv) ?? assert.fail('asked for help')
}

describe('flags of commands', () => {
  test('take one dash or two, and the value after a space or "="', () => {
    for (const argv of [['-host', 'a'], ['--host', 'a'], ['-host=a'], ['--host=a']]) {
      assert.deepEqual(read(...argv).texts('host'), ['a'], argv.join(' '))
    }
    assert.deepEqual(read('-host', 'a', '--host=b').texts('host'), ['a', 'b'])
    assert.equal(read('-host', 'a', '--host=b').text('host'), 'b')
    assert.deepEqual(read('-host', '_sip._udp.example').texts('host'), ['_sip._udp.example'])
  })

  test('absent ones have their default, or nothing', () => {
    const given = read()
    assert.equal(given.text('colour'), 'red')
    assert.deepEqual(given.texts('colour'), ['red'])
    assert.deepEqual(given.texts('host'), [])
    assert.equal(given.text('host'), '')
    assert.equal(given.number('c'), null)
    assert.equal(given.number('d'), 30_000)
    assert.equal(given.isOn('loud'), false)
    assert.equal(given.isSet('colour'), false)
  })

  test('numbers and durations', () => {
    assert.equal(read('-c', '7').number('c'), 7)
    assert.equal(read('-concurrency=7').number('c'), 7)
    assert.equal(read('-rate', '0.5').number('rate'), 0.5)
    assert.equal(read('-d', '2').number('d'), 2_000)
    assert.equal(read('-d', '0.5').number('d'), 500)
    assert.equal(read('-d', '1m').number('d'), 60_000)
    assert.equal(read('-l', '200').number('l'), 200)
    assert.equal(read('-l', '0.2s').number('l'), 200)
  })

  test('a boolean takes its value behind "=" only', () => {
    const given = read('-loud', 'true')
    assert.equal(given.isOn('loud'), true)
    assert.deepEqual(given.words, ['true'])
    assert.equal(read('-loud=false').isOn('loud'), false)
    assert.equal(read('-loud=false').isSet('loud'), true)
  })

  test('a value that may be left out', () => {
    assert.equal(read('-json').text('json'), '-')
    assert.equal(read('-json', '-loud').text('json'), '-')
    assert.equal(read('--json', 'out.json').text('json'), 'out.json')
    assert.equal(read('-json=out.json').text('json'), 'out.json')
    assert.equal(read().text('json'), '')
    for (const argv of [['-json', '-'], ['--json=-'], ['-json', '-', '-loud']]) {
      assert.equal(read(...argv).text('json'), '-', argv.join(' '))
    }
    assert.deepEqual(read('-', '-loud').words, ['-'])
  })

  test('words stand before, between and after flags', () => {
    for (const argv of [
      ['0x10', '-loud', '-c', '2'],
      ['-loud', '0x10', '-c', '2'],
      ['-c', '2', '-loud', '0x10'],
      ['-c', '2', '-loud', '--', '0x10'],
    ]) {
      assert.deepEqual(read(...argv).words, ['0x10'], argv.join(' '))
    }
  })

  test('-h asks for the usage text, whatever else is there', () => {
    for (const argv of [['-h'], ['--help'], ['-c', '2', '-h'], ['-h', '-c', 'x']]) {
      assert.equal(readCommandFlags(syntax, argv), null, argv.join(' '))
    }
    const text = commandUsage(syntax)
    assert.match(text, /^dnslet toy \[flags\] \[name\]\n/)
    for (const { name, describe: what } of syntax.flags) {
      assert.match(text, new RegExp(`-${name}\\b.*${what}`))
    }
    assert.match(text, /default: "30"/)
  })

  const refusals: readonly (readonly [argv: readonly string[], reason: string])[] = [
    [['-hst', 'a'], 'there is no flag -hst (did you mean -host?)'],
    [['-zzzzzz'], 'there is no flag -zzzzzz'],
    [['-__proto__=1'], 'there is no flag -__proto__'],
    [['-$0'], 'there is no flag -$0'],
    [['-host'], '-host needs a value'],
    [['-c', 'x'], '"x" is no value for -c: want a number'],
    [['-c', '1e9'], '"1e9" is no value for -c: want a number'],
    [['-c', '0'], '"0" is no value for -c: the least is 1'],
    [['-c', '-1'], '"-1" is no value for -c: the least is 1'],
    [['-c', '10'], '"10" is no value for -c: the most is 9'],
    [['-c', '1.5'], '"1.5" is no value for -c: want a whole number'],
    [['-c='], '"" is no value for -c: want a number'],
    [['-d', '0'], '"0" is no value for -d: the least is 0.001 s'],
    [['-d', '61'], '"61" is no value for -d: the most is 60 s'],
    [['-d', 'soon'], '"soon" is no value for -d: want seconds or a duration such as 1m30s'],
    [['-l', '2s'], '"2s" is no value for -l: the most is 1000 ms'],
    [['-l', 'x'], '"x" is no value for -l: want milliseconds or a duration such as 1m30s'],
    [
      ['-colour', 'gren'],
      '"gren" is no value for -colour: did you mean green? It is one of red, green',
    ],
    [['-loud=maybe'], '"maybe" is no value for -loud: want true or false'],
    [['a', 'b', 'c'], '"b c" is too much'],
  ]
  for (const [argv, reason] of refusals) {
    test(`refuses ${argv.join(' ')}`, () => {
      assert.throws(
        () => readCommandFlags(syntax, argv),
        (error) => {
          assert.ok(error instanceof UsageError)
          assert.equal(error.exitCode, 2)
          const hint = 'Run "dnslet toy -h" for its flags.'
          assert.equal(error.message, `dnslet toy: ${reason}\n${hint}`)
          return error.isComplete
        },
      )
    })
  }
})
