import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { manners } from '../../src/load/clients/index.ts'
import type { BenchOptions } from '../../src/options/bench-options.ts'
import { benchSyntax, CLIENTS } from '../../src/options/bench-options.ts'
import { parseArgs } from '../../src/options/options.ts'

function options(...argv: readonly string[]): BenchOptions {
  const command = parseArgs(['bench', ...argv])
  if (command.kind === 'bench') return command.options
  assert.fail(JSON.stringify(command))
}

test('defaults are those of the story', () => {
  assert.deepEqual(options('-host', 'kubernetes'), {
    hosts: ['kubernetes'],
    hostsFile: '',
    concurrency: 200,
    seconds: 30,
    limitMs: 5_000,
    servers: [],
    clients: ['glibc'],
    rate: null,
    types: [],
    resolvConf: '/etc/resolv.conf',
    json: '',
    html: '',
  })
})

const rows: readonly (readonly [argv: string, option: keyof BenchOptions, value: unknown])[] = [
  ['-host b', 'hosts', ['a', 'b']],
  ['-hosts names.txt', 'hostsFile', 'names.txt'],
  ['-c 7', 'concurrency', 7],
  ['--concurrency=7', 'concurrency', 7],
  ['-d 0.5', 'seconds', 0.5],
  ['-d 2m', 'seconds', 120],
  ['-l 200', 'limitMs', 200],
  ['-l 1s', 'limitMs', 1_000],
  [
    '-server 10.0.0.1 --server 10.0.0.2:53 -server 10.0.0.1',
    'servers',
    ['10.0.0.1', '10.0.0.2:53'],
  ],
  ['-client tcp -client go', 'clients', ['tcp', 'go']],
  ['-rate 12.5', 'rate', 12.5],
  ['-type aaaa', 'types', ['AAAA']],
  ['-resolv /tmp/r', 'resolvConf', '/tmp/r'],
  ['-json', 'json', '-'],
  ['-json out.json', 'json', 'out.json'],
  ['-html report.html', 'html', 'report.html'],
]
for (const [argv, option, value] of rows) {
  test(argv, () => assert.deepEqual(options('-host', 'a', ...argv.split(' '))[option], value))
}

test('every client that there is can be named', () => {
  assert.deepEqual([...CLIENTS].toSorted(), [...manners.map(({ name }) => name), 'raw'].toSorted())
})

describe('what it refuses, with exit status 2', () => {
  const refusals: readonly (readonly [argv: string, reason: string])[] = [
    ['', 'no host to look up: name one with -host, or a file of them with -hosts'],
    ['-host a -d 0', '"0" is no value for -d: the least is 0.1 s'],
    ['-host a -d 8000h', '"8000h" is no value for -d: the most is 604800 s'],
    ['-host a -c 0', '"0" is no value for -c: the least is 1'],
    ['-host a -l 0', '"0" is no value for -l: the least is 1 ms'],
    ['-host a -rate 0', '"0" is no value for -rate: the least is 0.01'],
    ['-host a -client glib', '"glib" is no value for -client: did you mean glibc? It is one of'],
    ['-hosts=', '-hosts needs the name of a file'],
    ['-host a -html=', '-html needs the name of a file'],
    ['-host a b', '"b" is too much'],
    ['-hots a', 'there is no flag -hots (did you mean -host?)'],
  ]
  for (const [argv, reason] of refusals) {
    test(argv, () => {
      const command = parseArgs(['bench', ...argv.split(' ').filter((word) => word !== '')])
      assert.ok(command.kind === 'usage-error', JSON.stringify(command))
      assert.equal(command.exitCode, 2)
      assert.ok(command.message.startsWith(`dnslet bench: ${reason}`), command.message)
      assert.match(command.message, /\nRun "dnslet bench -h" for its flags\.$/)
    })
  }
})

test('-h prints its flags, all of them', () => {
  const command = parseArgs(['bench', '-h'])
  assert.ok(command.kind === 'help')
  for (const { name } of benchSyntax.flags) assert.match(command.text, new RegExp(`-${name}\\b`))
  assert.match(command.text, /Exit status: 0/)
})
