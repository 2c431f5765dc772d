import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { parsePrefix } from '../../src/corefile/ip.ts'
import { reverseZones, splitZone, zonesOf } from '../../src/corefile/zone-text.ts'

describe('splitZone()', () => {
  const table = [
    ['example.org', 'dns', 'example.org', null],
    ['example.org:1053', 'dns', 'example.org', '1053'],
    ['dns://.:53', 'dns', '.', '53'],
    ['TLS://example.org', 'tls', 'example.org', null],
    ['https3://x:+443', 'https3', 'x', '+443'],
    ['unix:///run/x', 'unix', '/run/x', null],
    ['x:', 'dns', 'x:', null],
    ['x:http', 'dns', 'x:http', null],
    ['fd00::/8', 'dns', 'fd00::/8', null],
    ['fd00::/8:53', 'dns', 'fd00::/8', '53'],
    [':53', 'dns', '', '53'],
    ['ftp://x', 'dns', 'ftp://x', null],
  ] as const
  for (const [text, scheme, host, port] of table) {
    test(`splits ${text}`, () => assert.deepEqual(splitZone(text), { scheme, host, port }))
  }
})

describe('zonesOf()', () => {
  const one = [
    ['Example.ORG', 'example.org.'],
    ['.', '.'],
    ['10.0.0.0/8', '10.in-addr.arpa.'],
    ['10.1.2.3/16', '1.10.in-addr.arpa.'],
    ['10.0.0.1/32', '1.0.0.10.in-addr.arpa.'],
    ['0.0.0.0/0', 'in-addr.arpa.'],
    ['fd00::/8', 'd.f.ip6.arpa.'],
    ['2001:db8::/32', '8.b.d.0.1.0.0.2.ip6.arpa.'],
    ['0/24.0.0.10.in-addr.arpa', '0/24.0.0.10.in-addr.arpa.'],
    ['10.0.0.0/33', '10.0.0.0/33.'],
  ] as const
  for (const [host, zone] of one) {
    test(`takes ${host} for ${zone}`, () => assert.deepEqual(zonesOf(host), [zone]))
  }

  test('rounds an IPv4 prefix up to octets', () => {
    assert.deepEqual(
      zonesOf('10.129.0.0/10'),
      Array.from({ length: 64 }, (_, i) => `${128 + i}.10.in-addr.arpa.`),
    )
    assert.equal(zonesOf('10.1.0.0/17').length, 128)
    assert.equal(zonesOf('10.1.128.0/17')[0], '128.1.10.in-addr.arpa.')
  })

  test('rounds an IPv6 prefix up to nibbles', () => {
    assert.deepEqual(zonesOf('fd00::/7'), ['c.f.ip6.arpa.', 'd.f.ip6.arpa.'])
    assert.deepEqual(zonesOf('2001:db8:8000::/33')[0], '8.8.b.d.0.1.0.0.2.ip6.arpa.')
    assert.deepEqual(zonesOf('8000::/1')[7], 'f.ip6.arpa.')
  })

  test('covers a prefix with zones of one length, without gap or overlap', () => {
    const prefixes = fc.oneof(
      fc.tuple(fc.ipV4(), fc.nat(32)).map(([ip, length]) => `${ip}/${length}`),
      fc.tuple(fc.ipV6(), fc.nat(128)).map(([ip, length]) => `${ip}/${length}`),
    )
    fc.assert(
      fc.property(prefixes, (text) => {
        const prefix = parsePrefix(text)
        fc.pre(prefix !== null)
        const zones = reverseZones(prefix)
        const bits = prefix.bytes.length === 4 ? 8 : 4
        const labels = zones.map((zone) => zone.split('.').length - 3)
        assert.equal(new Set(zones).size, zones.length)
        assert.equal(new Set(labels).size, 1)
        assert.equal(zones.length, 2 ** ((labels[0] ?? 0) * bits - prefix.length))
      }),
    )
  })

  const bad = [
    ['x:', 'expecting data after last colon: "x:"'],
    [`${'a.'.repeat(127)}ab`, 'specified zone is too long: 256 > 255'],
    ['a..b', 'zone is not a valid domain name: a..b'],
    ['', 'zone is not a valid domain name: '],
    ['::/8', 'invalid CIDR ::/8'],
    ['0:1::/32', 'invalid CIDR 0:1::/32'],
  ] as const
  for (const [host, reason] of bad) {
    test(`rejects "${host.slice(0, 30)}"`, () => assert.equal(zonesOf(host), reason))
  }
})
