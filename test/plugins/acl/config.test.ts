import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { acl } from '../../../src/plugins/acl/index.ts'
import { type Policy, readRules } from '../../../src/plugins/acl/config.ts'
import { Type } from '../../../src/wire/codes.ts'
import { messageOf } from '../../corefile/support.ts'
import { directivesOf } from '../../helpers/directives.ts'
import { testBlock } from '../../helpers/services.ts'

function policiesOf(lines: string): readonly Policy[] {
  return readRules(directivesOf('acl', `acl {\n${lines}\n}`), ['.'], assert.fail)[0]!.policies
}

function typesOf(line: string): readonly number[] | null {
  const { types } = policiesOf(line)[0]!
  return types === null ? null : [...types]
}

/** Which of these addresses a line is for. */
function sourcesOf(line: string, ...addresses: readonly string[]): readonly string[] {
  const { sources } = policiesOf(line)[0]!
  return addresses.filter((address) => {
    const octets = address.includes(':')
      ? Uint8Array.of(0x20, 1, 0x0d, 0xb8, ...new Array<number>(11).fill(0), Number(address.at(-1)))
      : Uint8Array.from(address.split('.'), Number)
    return sources === null || sources.has(octets, 0, octets.length)
  })
}

describe('acl in the Corefile', () => {
  for (const line of [
    'block type A net 192.168.0.0/16',
    'BLOCK TYPE * NET 192.168.0.0/16',
    'block type A net *',
    'allow type * net 192.168.1.0/24\nblock type * net 192.168.0.0/16',
    'filter type A net 2001:db8:85a3:0:0:8a2e:370:7334',
    'drop net 2001:db8:abcd:0012::0/64 2001:db8:85a3::8a2e:370:7334/64',
    'block type TXT ANY CNAME net 192.168.3.0/24',
    'block net 10.0.0.1 type NXNAME NSAP-PTR Reserved',
    'allow',
    '',
  ]) {
    test(`takes ${JSON.stringify(line)}`, () => {
      assert.equal(policiesOf(line).length, line === '' ? 0 : line.split('\n').length)
    })
  }

  test('a section that is not there, or has *, is for all', () => {
    assert.equal(typesOf('block'), null)
    assert.equal(typesOf('block type A * none-of-these type AAAA'), null)
    assert.equal(typesOf('block type None A'), null)
    assert.equal(policiesOf('block net 10.0.0.1 * 10.0/99 net 10.0.0.2')[0]!.sources, null)
  })

  test('sections of a line add up', () => {
    assert.deepEqual(typesOf('block type A net 10.0.0.0/8 type AAAA'), [Type.A, Type.AAAA])
    const line = 'allow net 10.1.2.3/8 net 192.0.2.7 2001:db8::7'
    assert.deepEqual(
      sourcesOf(
        line,
        '10.9.9.9',
        '11.0.0.0',
        '192.0.2.7',
        '192.0.2.8',
        '2001:db8::7',
        '2001:db8::8',
      ),
      ['10.9.9.9', '192.0.2.7', '2001:db8::7'],
    )
  })

  test('is for its zones, or those of the block; a word that is none is warned of', () => {
    const said: string[] = []
    const read = (text: string): readonly (readonly string[])[] =>
      readRules(directivesOf('acl', text), ['b.test.'], (line) => said.push(line)).map(
        ({ zones }) => zones,
      )
    assert.deepEqual(read('acl\nacl A.test 10.0.0.0/8 {\nblock\n}'), [
      ['b.test.'],
      ['a.test.', '10.in-addr.arpa.'],
    ])
    assert.deepEqual(said, [])
    read('acl a..b {\nblock\n}')
    assert.match(said.join(), /^Corefile:2 - 'a\.\.b' is ignored/)
  })

  test('tells what it does', () => {
    const text = 'acl a.test b.test {\nallow net 10.0.0.0/8\nBlock type A\n}'
    const stage = acl.setup(directivesOf('acl', text), testBlock())
    assert.deepEqual(stage.describe!(), [
      'allow net 10.0.0.0/8, in a.test. b.test.',
      'block type A, in a.test. b.test.',
    ])
  })

  for (const [line, problem] of [
    ['block A net 192.168.0.0/16', `unexpected token "A"; expect 'type | net'`],
    ['block type net 192.168.0.0/16', 'no token specified in "type" section'],
    ['block type A NET', 'no token specified in "net" section'],
    ['block type ABC net 192.168.0.0/16', 'unexpected token "ABC"; expect legal QTYPE'],
    ['block type a', 'unexpected token "a"; expect legal QTYPE'],
    ['block type TYPE65', 'unexpected token "TYPE65"; expect legal QTYPE'],
    ['blck type A', `unexpected token "blck"; expect 'allow', 'block', 'filter' or 'drop'`],
    ['block net 192.168.0/16', 'illegal CIDR notation "192.168.0/16"'],
    ['block net 192.168.0.0/33', 'illegal CIDR notation "192.168.0.0/33"'],
    ['block net 192.168.0', 'illegal CIDR notation "192.168.0/32"'],
    [
      'block net 2001::85a3::8a2e:370:7334',
      'illegal CIDR notation "2001::85a3::8a2e:370:7334/128"',
    ],
    ['block net 2001:db8:85a3:::1', 'illegal CIDR notation "2001:db8:85a3:::1/128"'],
    ['block net fe80::1%eth0', 'illegal CIDR notation "fe80::1%eth0/128"'],
    ['block net a', 'illegal CIDR notation "a/32"'],
  ] as const) {
    test(`refuses ${line}`, () => {
      assert.equal(
        messageOf(() => policiesOf(`allow\n${line}`)),
        `plugin/acl: Corefile:4 - Error during parsing: ${problem}`,
      )
    })
  }

  test('refuses a } at the end of a line', () => {
    const said = messageOf(() =>
      directivesOf('acl', 'acl { block }').map((d) => policiesOf(d.name.text)),
    )
    assert.match(said ?? '', /expect 'allow'/)
    const read = (): unknown => readRules(directivesOf('acl', 'acl { block }'), ['.'], assert.fail)
    assert.match(
      messageOf(read) ?? '',
      /plugin\/acl: Corefile:2 - .*closing '}' on a line of its own/,
    )
  })
})
