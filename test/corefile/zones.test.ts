import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { parseKeys } from '../../src/corefile/keys.ts'
import {
  checkOverlaps,
  domainName,
  type Served,
  warnOfShadows,
  zones,
  zonesOr,
} from '../../src/corefile/zones.ts'
import { messageOf, token } from './support.ts'

const at = '/etc/Corefile:1 - '

describe('zones()', () => {
  test('drops scheme and port', () => {
    assert.deepEqual(zones(token('dns://Example.org:53')), ['example.org.'])
  })

  test('expands a CIDR prefix', () => {
    assert.deepEqual(zones(token('10.0.0.0/15')), ['0.10.in-addr.arpa.', '1.10.in-addr.arpa.'])
  })

  test('rejects what is no zone', () => {
    assert.equal(
      messageOf(() => zones(token('a..b'))),
      `${at}zone is not a valid domain name: a..b`,
    )
  })
})

test('zonesOr() falls back to the zones of the block', () => {
  assert.deepEqual(zonesOr([], ['x.']), ['x.'])
  assert.deepEqual(zonesOr([token('A'), token('b.')], ['x.']), ['a.', 'b.'])
})

test('zonesOr() ignores a word that is no zone, and says so', () => {
  const warnings: string[] = []
  const warn = (message: string): void => void warnings.push(message)
  assert.deepEqual(zonesOr([token('a..b'), token('c')], ['x.'], warn), ['c.'])
  assert.deepEqual(zonesOr([token('a..b')], ['x.'], warn), [])
  const ignored = `${at}'a..b' is ignored: zone is not a valid domain name: a..b`
  assert.deepEqual(warnings, [ignored, ignored])
})

test('domainName() makes a name canonical or rejects it', () => {
  assert.equal(domainName(token('Example.ORG')), 'example.org.')
  assert.equal(
    messageOf(() => domainName(token('a..'))),
    `${at}not a valid domain name: "a.."`,
  )
})

/** Entries written as `key` or `key @ address`; `view key` is one of a block that takes some queries. */
function served(...texts: readonly string[]): readonly Served[] {
  return texts.flatMap((text, index) => {
    const filtered = text.startsWith('view ')
    const [key = '', address = ''] = text.replace('view ', '').split(' @ ')
    const list = parseKeys([token(key, index + 1)], { port: 53, warn: () => {} })
    return list.map((entry) => ({ ...entry, address, ...(filtered ? { filtered } : {}) }))
  })
}

test('warnOfShadows() names what stands behind a block that takes all', () => {
  const warnings = (...texts: readonly string[]): string[] => {
    const said: string[] = []
    warnOfShadows(served(...texts), (message) => said.push(message))
    return said
  }
  assert.deepEqual(warnings('view a', 'view a', 'a', 'view b', 'a:54', 'a:0', 'view a:0'), [])
  const all = 'the block of /etc/Corefile:1 has no view and takes them all, it has to come last'
  assert.deepEqual(warnings('a', 'view A', 'view a', 'b'), [
    `/etc/Corefile:2 - 'A' gets no query of dns://a.:53: ${all}`,
    `/etc/Corefile:3 - 'a' gets no query of dns://a.:53: ${all}`,
  ])
  assert.deepEqual(warnings('a @ 10.0.0.1', 'view a @ 10.0.0.1', 'view a @ 10.0.0.2').length, 1)
})

describe('checkOverlaps()', () => {
  const good: readonly (readonly string[])[] = [
    [],
    ['a', 'b'],
    ['a', 'a:54'],
    ['a', 'tls://a'],
    ['a', 'tls://a:54'],
    ['a @ 10.0.0.1', 'tls://a:53 @ 10.0.0.2'],
    ['a:0', 'tls://a:0'],
    ['a @ 10.0.0.1', 'a @ 10.0.0.2', 'b @ 10.0.0.1'],
    ['a @ 10.0.0.1', 'a:54'],
    ['a:0', 'a:0'],
    ['a', 'b @ 10.0.0.1'],
    ['a @ 10.0.0.1', 'b'],
    ['view a', 'view a', 'a'],
    ['a', 'view a'],
    ['view a', 'a @ 10.0.0.1'],
    ['view a @ 10.0.0.1', 'a'],
  ]
  for (const entries of good) {
    test(`accepts ${entries.join(', ') || 'no entries'}`, () => checkOverlaps(served(...entries)))
  }

  const bad = [
    [['A', 'a.'], 'cannot serve dns://a.:53 - it is already defined'],
    [
      ['a @ 10.0.0.1', 'a @ 10.0.0.1'],
      'cannot serve dns://a.:53 on 10.0.0.1 - it is already defined',
    ],
    [
      ['a', 'a @ 10.0.0.1'],
      'cannot serve dns://a.:53 on 10.0.0.1 - zone overlap listener capacity with dns://a.:53',
    ],
    [['a', 'tls://b:53'], 'cannot serve tls://b.:53 - TCP port 53 is that of dns://a.:53'],
    [
      ['https://a:853 @ 10.0.0.1', 'tls://b @ 10.0.0.1'],
      'cannot serve tls://b.:853 on 10.0.0.1 - TCP port 853 is that of https://a.:853 on 10.0.0.1',
    ],
    [
      ['tls://a:53 @ 0.0.0.0', 'a @ ::'],
      'cannot serve dns://a.:53 on :: - TCP port 53 is that of tls://a.:53 on 0.0.0.0',
    ],
    [
      ['a @ 10.0.0.1', 'a'],
      'cannot serve dns://a.:53 - zone overlap listener capacity with dns://a.:53 on 10.0.0.1',
    ],
    [['a', 'view a', 'a'], 'cannot serve dns://a.:53 - it is already defined', 3],
    [
      ['a', 'view a @ 10.0.0.1'],
      'cannot serve dns://a.:53 on 10.0.0.1 - zone overlap listener capacity with dns://a.:53',
    ],
    [
      ['10.0.0.0/15', '1.10.in-addr.arpa'],
      'cannot serve dns://1.10.in-addr.arpa.:53 - it is already defined',
    ],
  ] as const
  for (const [entries, reason, line = 2] of bad) {
    test(`rejects ${entries.join(', ')}`, () => {
      assert.equal(
        messageOf(() => checkOverlaps(served(...entries))),
        `/etc/Corefile:${line} - ${reason}`,
      )
    })
  }
})
