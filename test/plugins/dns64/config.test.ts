import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { prefixText, readConfig } from '../../../src/plugins/dns64/config.ts'
import { dns64 } from '../../../src/plugins/dns64/index.ts'
import { messageOf } from '../../corefile/support.ts'
import { directivesOf } from '../../helpers/directives.ts'
import { testBlock } from '../../helpers/services.ts'

/** Prefix, then the options that are on. */
function read(body: string, warn: (said: string) => void = assert.fail): string {
  const config = readConfig(directivesOf('dns64', body), warn)
  const { allowIPv4, prefix, translateAll } = config
  return `${prefixText(prefix)}${translateAll ? ' all' : ''}${allowIPv4 ? ' ipv4' : ''}`
}

describe('dns64 in the Corefile', () => {
  for (const [body, config] of [
    ['dns64', '64:ff9b::/96'],
    ['dns64 64:dead::/96', '64:dead::/96'],
    ['dns64 {\n}', '64:ff9b::/96'],
    ['dns64 {\ntranslate_all\n}', '64:ff9b::/96 all'],
    ['dns64 {\nallow_ipv4\n}', '64:ff9b::/96 ipv4'],
    ['dns64 {\nprefix 64:ff9b::/32\n}', '64:ff9b::/32'],
    ['dns64 {\nprefix 2002:ac12:b083::/96\n}', '2002:ac12:b083::/96'],
    [
      'dns64 {\nprefix 2002:c0a8:a88a::/48\nallow_ipv4\ntranslate_all\n}',
      '2002:c0a8:a88a::/48 all ipv4',
    ],
    ['dns64 2001:DB8:0:0:0:0:0:1/64', '2001:db8::/64'],
    ['dns64 2001:db8::/40 {\ntranslate_all\n}', '2001:db8::/40 all'],
    ['dns64 2001:db8::/40 {\nprefix 2001:db8::/56\n}', '2001:db8::/56'],
    ['dns64 2001:db8::/72\ndns64 {\nallow_ipv4\n}', '2001:db8::/72 ipv4'],
    ['dns64 2001:db8::/80\ndns64 2001:db8::/88', '2001:db8::/88'],
  ] as const) {
    test(`takes ${JSON.stringify(body)}`, () => assert.equal(read(body), config))
  }

  test('takes several options on a line, as CoreDNS does, with a warning', () => {
    const said: string[] = []
    const warn = (text: string): void => void said.push(text)
    assert.equal(
      read('dns64 {\nprefix 2001:db8::/96 allow_ipv4 translate_all }', warn),
      '2001:db8::/96 all ipv4',
    )
    assert.equal(said.length, 3)
  })

  for (const [body, problem] of [
    ['dns64 foobar', 'Corefile:2 - plugin/dns64: invalid CIDR address: foobar'],
    [
      'dns64 foobar {\nprefix 64:ff9b::/96\n}',
      'Corefile:2 - plugin/dns64: invalid CIDR address: foobar',
    ],
    ['dns64 64:ff9b::', 'Corefile:2 - plugin/dns64: invalid CIDR address: 64:ff9b::'],
    [
      'dns64 {\nprefix 64:ff9b::/52\n}',
      'plugin/dns64: Corefile:3 - Error during parsing: invalid prefix length "64:ff9b::/52"',
    ],
    [
      'dns64 {\nprefix 64:ff9b::/104\n}',
      'plugin/dns64: Corefile:3 - Error during parsing: invalid prefix length "64:ff9b::/104"',
    ],
    [
      'dns64 {\nprefix 64::1/24\n}',
      'plugin/dns64: Corefile:3 - Error during parsing: invalid prefix length "64::/24"',
    ],
    [
      'dns64 {\nprefix 8.8.8.8/24\n}',
      'plugin/dns64: Corefile:3 - Error during parsing: invalid netmask 32 IPv6 address: "8.8.8.0/24"',
    ],
    [
      'dns64 {\nfoobar\n}',
      "plugin/dns64: Corefile:3 - Error during parsing: unknown property 'foobar'",
    ],
    [
      'dns64 {\nprefix 64:ff9b::/96 x\n}',
      "plugin/dns64: Corefile:3 - Error during parsing: unknown property 'x'",
    ],
    [
      'dns64 {\nprefix\n}',
      "plugin/dns64: Corefile:3 - Error during parsing: Wrong argument count or unexpected line ending after 'prefix'",
    ],
    [
      'dns64 64:ff9b::/96 b',
      "plugin/dns64: Corefile:2 - Error during parsing: Wrong argument count or unexpected line ending after 'b'",
    ],
  ] as const) {
    test(`refuses ${JSON.stringify(body)}`, () => {
      assert.equal(
        messageOf(() => read(body, () => {})),
        problem,
      )
    })
  }

  test('tells what it does', () => {
    const lines = (body: string): readonly string[] =>
      dns64.setup(directivesOf('dns64', body), testBlock()).describe!()
    assert.deepEqual(lines('dns64'), ['prefix 64:ff9b::/96, for clients over IPv6'])
    assert.deepEqual(lines('dns64 2001:db8::/32 {\ntranslate_all\nallow_ipv4\n}'), [
      'prefix 2001:db8::/32, for clients over IPv4 and IPv6, also where names have IPv6 addresses',
    ])
  })
})
