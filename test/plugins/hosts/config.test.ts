import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type HostsConfig, readConfig } from '../../../src/plugins/hosts/config.ts'
import { messageOf } from '../../corefile/support.ts'
import { directivesOf } from '../../helpers/directives.ts'
import { temporaryFolder } from '../../helpers/nsd.ts'
import { inline } from './support.ts'

function read(body: string, warn: (said: string) => void = () => {}): HostsConfig {
  return readConfig(directivesOf('hosts', body), ['block.test.'], warn)
}

const defaults: HostsConfig = {
  path: '/etc/hosts',
  zones: ['block.test.'],
  inline: '',
  ttl: 3600,
  reverse: true,
  reloadMs: 5000,
  fallthrough: [],
  fallthroughUnsupported: false,
}

const all = ['.']

describe('hosts in the Corefile', () => {
  for (const [body, expected] of [
    ['hosts', {}],
    ['hosts {\n}', {}],
    ['hosts /dev/null', { path: '/dev/null' }],
    ['hosts f Example.org pun.test.', { path: 'f', zones: ['example.org.', 'pun.test.'] }],
    ['hosts f a.test 10.0.0.9/8', { path: 'f', zones: ['a.test.', '10.in-addr.arpa.'] }],
    ['hosts f a..b', { path: 'f', zones: [] }],
    ['hosts {\nfallthrough\n}', { fallthrough: all }],
    ['hosts {\nfallthrough A.test in-addr.arpa\n}', { fallthrough: ['a.test.', 'in-addr.arpa.'] }],
    ['hosts {\nfallthrough a.test\nfallthrough\n}', { fallthrough: all }],
    ['hosts f {\nfallthrough\n}', { path: 'f', fallthrough: all }],
    [
      'hosts {\n10.0.0.1 a b\n::1 c\nfallthrough\n}',
      { inline: '10.0.0.1 a b\n::1 c', fallthrough: all },
    ],
    ['hosts {\n10.0.0.1 a\nttl 7\n10.0.0.2 b\n}', { inline: '10.0.0.1 a\n10.0.0.2 b', ttl: 7 }],
    ['hosts {\nnonsense\n}', { inline: 'nonsense' }],
    // Zones that are none leave fallthrough off, and lines are inline still.
    ['hosts {\nfallthrough a..b\n10.0.0.1 a\n}', { inline: '10.0.0.1 a' }],
    ['hosts {\nttl 1\n}', { ttl: 1 }],
    ['hosts {\nttl 65535\n}', { ttl: 65_535 }],
    ['hosts {\nttl 5 more words\n}', { ttl: 5 }],
    ['hosts {\nno_reverse\n}', { reverse: false }],
    ['hosts {\nno_reverse fallthrough\n}', { reverse: false, fallthrough: all }],
    ['hosts {\nreload 0\n}', { reloadMs: 0 }],
    ['hosts {\nreload 0s\n}', { reloadMs: 0 }],
    ['hosts {\nreload 1m30s\n}', { reloadMs: 90_000 }],
    [
      'hosts {\nfallthrough\nfallthrough_unsupported\n}',
      { fallthrough: all, fallthroughUnsupported: true },
    ],
    [
      'hosts {\nfallthrough_unsupported\nfallthrough a.test\n}',
      { fallthrough: ['a.test.'], fallthroughUnsupported: true },
    ],
    // On one line, as node-cache starts with it.
    ['hosts { fallthrough }', { fallthrough: all }],
    ['hosts f a.test { fallthrough }', { path: 'f', zones: ['a.test.'], fallthrough: all }],
    ['hosts { 10.0.0.1 a.test }', { inline: '10.0.0.1 a.test' }],
    ['hosts { ttl 5 }', { ttl: 5 }],
    ['hosts { no_reverse }', { reverse: false }],
  ] as const) {
    test(`${JSON.stringify(body)} is accepted`, () => {
      assert.deepEqual(read(body), { ...defaults, ...expected })
    })
  }

  for (const [body, problem, line = 3] of [
    ['hosts {\nttl\n}', 'ttl needs a time in second'],
    ['hosts {\nttl x\n}', 'ttl needs a number of second'],
    ['hosts {\nttl 5s\n}', 'ttl needs a number of second'],
    ['hosts {\nttl 99999999999999999999\n}', 'ttl needs a number of second'],
    ['hosts {\nttl 0\n}', 'ttl provided is invalid'],
    ['hosts {\nttl -1\n}', 'ttl provided is invalid'],
    ['hosts {\nttl 65536\n}', 'ttl provided is invalid'],
    ['hosts {\nreload\n}', 'reload needs a duration (zero seconds to disable)'],
    ['hosts {\nreload 1s 2s\n}', 'reload needs a duration (zero seconds to disable)'],
    ['hosts {\nreload x\n}', "invalid duration for reload 'x'"],
    ['hosts {\nreload 5\n}', "invalid duration for reload '5'"],
    ['hosts {\nreload -5s\n}', "invalid negative duration for reload '-5s'"],
    ['hosts {\nfallthrough\n10.0.0.1 a\n}', "unknown property '10.0.0.1'", 4],
    ['hosts {\nfallthrough a.test\nnonsense\n}', "unknown property 'nonsense'", 4],
    [
      'hosts {\nfallthrough\nfallthrough_unsupported a.test\n}',
      "Wrong argument count or unexpected line ending after 'a.test'",
      4,
    ],
    ['hosts {\nfallthrough_unsupported\n}', 'fallthrough_unsupported requires fallthrough', 2],
    [
      'hosts {\nfallthrough a..b\nfallthrough_unsupported\n}',
      'fallthrough_unsupported requires fallthrough',
      2,
    ],
    ['hosts\nhosts', 'this plugin can only be used once per Server Block'],
    [
      'hosts /dev/null/x',
      "unable to access hosts file '/dev/null/x': stat /dev/null/x: not a directory",
      2,
    ],
    ['hosts { reload 5s }', 'the closing', 2],
  ] as const) {
    test(`${JSON.stringify(body)} is refused, with its line`, () => {
      const said = messageOf(() => read(body)) ?? ''
      assert.ok(said.includes(problem), said)
      assert.ok(said.includes(`Corefile:${line} - `) && said.includes('plugin/hosts: '), said)
    })
  }

  test('a file that is not there yet, a folder, and odd words are warned of', (t) => {
    const said: string[] = []
    const folder = temporaryFolder(t)
    for (const body of [
      `hosts ${folder}/none`,
      `hosts ${folder}`,
      'hosts',
      'hosts f a..b',
      'hosts { ttl 5 }',
      'hosts f {\nfallthruogh\n}',
    ]) {
      read(body, (line) => said.push(line))
    }
    assert.deepEqual(said, [
      `File does not exist: ${folder}/none`,
      `Hosts file "${folder}" is a directory`,
      'File does not exist: f',
      `Corefile:2 - 'a..b' is ignored: zone is not a valid domain name: a..b`,
      `Corefile:2 - '}' after 'ttl': better on a line of its own`,
      'File does not exist: f',
      `Corefile:3 - 'fallthruogh' is no address: its line says nothing (did you mean 'fallthrough'?)`,
    ])
  })

  test('is described with what is in effect', async () => {
    const few = await inline('10.0.0.1 a.test b.test')
    assert.deepEqual(few.describe!(), [
      '/dev/null, looked at every 5s, and 4 entries here, for .',
      'ttl 3600, PTR records made, unknown names: SERVFAIL',
    ])
    const more = await inline(
      'no_reverse\nreload 0\nttl 5\nfallthrough_unsupported\nfallthrough a.test b.test',
    )
    assert.deepEqual(more.describe!(), [
      '/dev/null, looked at at start alone, and 0 entries here, for .',
      'ttl 5, PTR records not made, unknown names: go on in a.test. b.test., other types too',
    ])
  })
})
