import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import { DnsletError } from '../../src/lib/errors.ts'
import { type Libc, libc } from '../../src/sys/libc.ts'
import { Rtnetlink } from '../../src/sys/rtnetlink.ts'
import { SyscallError } from '../../src/sys/socket.ts'
import { openTun } from '../../src/sys/tun.ts'
import { addUplink, enterOwnNetwork, ip } from '../helpers/own-network.ts'

const skip = enterOwnNetwork() || false
const library = libc().libc as Libc

interface Owner {
  after(fn: () => void): void
}

function client(t: Owner): Rtnetlink {
  const rtnetlink = new Rtnetlink(library)
  t.after(() => rtnetlink.close())
  return rtnetlink
}

/** The index of a TUN that is up, and ends with its test. */
function tun(t: Owner, rtnetlink: Rtnetlink): number {
  const fd = openTun(library, 'test0')
  t.after(() => void library.close(fd))
  const { index } = rtnetlink.link('test0')!
  rtnetlink.setUp(index)
  return index
}

function fails(code: string, what: () => unknown): void {
  assert.throws(what, (error) => error instanceof SyscallError && error.code === code)
}

describe('Rtnetlink', { skip }, () => {
  test('finds links by name and tells their kind and state', (t) => {
    const rtnetlink = client(t)
    ip('link add test-bridge type bridge')
    t.after(() => void ip('link delete test-bridge'))
    assert.equal(rtnetlink.link('nothing'), null)
    assert.deepEqual(rtnetlink.link('lo'), {
      index: 1,
      kind: '',
      up: true,
      queues: 0,
      persistent: false,
    })
    const bridge = rtnetlink.link('test-bridge')!
    assert.deepEqual([bridge.kind, bridge.up], ['bridge', false])
    rtnetlink.setUp(bridge.index)
    assert.equal(rtnetlink.link('test-bridge')!.up, true)
  })

  test('counts the descriptors that hold a TUN, and knows one that needs none', (t) => {
    const rtnetlink = client(t)
    const [one, two] = [openTun(library, 'test0'), openTun(library, 'test0')]
    assert.equal(rtnetlink.link('test0')!.queues, 2)
    library.close(one)
    const link = rtnetlink.link('test0')!
    assert.deepEqual([link.queues, link.kind, link.persistent], [1, 'tun', false])
    library.close(two)
    assert.equal(rtnetlink.link('test0'), null)
    ip('tuntap add test0 mode tun')
    t.after(() => void ip('tuntap delete test0 mode tun'))
    assert.equal(rtnetlink.link('test0')!.persistent, true)
  })

  test('brings a link up without an address of its own', (t) => {
    const rtnetlink = client(t)
    const fd = openTun(library, 'test0')
    t.after(() => void library.close(fd))
    const { index } = rtnetlink.link('test0')!
    rtnetlink.disableLinkLocal(index)
    rtnetlink.setUp(index)
    assert.deepEqual(rtnetlink.addresses(index), [])
  })

  test('adds addresses, for ever or for a while, replaces and deletes them', (t) => {
    const rtnetlink = client(t)
    const index = tun(t, rtnetlink)
    rtnetlink.setAddress(index, '10.96.0.10', null)
    rtnetlink.setAddress(index, 'fd00:96::a', 1000)
    const listed = (): Map<string, number | null> =>
      new Map(rtnetlink.addresses(index).map(({ address, lifetime }) => [address, lifetime]))
    assert.equal(listed().get('10.96.0.10'), null)
    assert.ok(listed().get('fd00:96::a')! > 990)
    rtnetlink.setAddress(index, '10.96.0.10', 1000)
    rtnetlink.setAddress(index, 'fd00:96::a', null)
    assert.ok(listed().get('10.96.0.10')! > 990)
    assert.equal(listed().get('fd00:96::a'), null)
    assert.match(ip('-6 address show dev test0'), /fd00:96::a\/128 .*nodad/)
    assert.doesNotMatch(ip('-6 address show dev test0'), /tentative/)
    rtnetlink.deleteAddress(index, '10.96.0.10')
    rtnetlink.deleteAddress(index, 'fd00:96::a')
    assert.deepEqual([listed().has('10.96.0.10'), listed().has('fd00:96::a')], [false, false])
    fails('EADDRNOTAVAIL', () => rtnetlink.deleteAddress(index, '10.96.0.10'))
  })

  test('lists more addresses than fit into one datagram', (t) => {
    const rtnetlink = client(t)
    const index = tun(t, rtnetlink)
    const all = Array.from({ length: 1000 }, (_, i) => `10.97.${i >> 8}.${i & 255}`)
    for (const address of all) rtnetlink.setAddress(index, address, null)
    const listed = rtnetlink.addresses(index).map(({ address }) => address)
    assert.deepEqual(
      listed.filter((address) => !address.includes(':')),
      all,
    )
  })

  test('finds the way to a destination and the source address there', (t) => {
    const rtnetlink = client(t)
    assert.equal(rtnetlink.route('192.0.2.1'), null)
    assert.equal(rtnetlink.route('2001:db8::1'), null)
    assert.deepEqual(rtnetlink.route('127.0.0.1'), { local: true, source: '127.0.0.1' })
    addUplink()
    t.after(() => void ip('link delete node0'))
    assert.deepEqual(rtnetlink.route('192.0.2.1'), { local: false, source: '10.9.0.1' })
    assert.deepEqual(rtnetlink.route('2001:db8::1'), { local: false, source: 'fd09::1' })
    ip('route add blackhole 198.51.100.1')
    ip('-6 route add unreachable 2001:db8::2')
    t.after(() => void ip('route delete blackhole 198.51.100.1'))
    t.after(() => void ip('-6 route delete unreachable 2001:db8::2'))
    assert.equal(rtnetlink.route('198.51.100.1'), null)
    assert.equal(rtnetlink.route('2001:db8::2'), null)
  })

  test('gives the route to an address another source, and deletes it', (t) => {
    const rtnetlink = client(t)
    addUplink()
    t.after(() => void ip('link delete node0'))
    const index = tun(t, rtnetlink)
    // With the last IPv4 address of a link all its routes go.
    rtnetlink.setAddress(index, '10.96.0.99', null)
    for (const [address, source] of [
      ['10.96.0.10', '10.9.0.1'],
      ['fd00:96::a', 'fd09::1'],
    ] as const) {
      rtnetlink.setAddress(index, address, null)
      assert.deepEqual(rtnetlink.route(address), { local: true, source: address })
      for (let twice = 0; twice < 2; twice++) {
        rtnetlink.setLocalRoute(index, address, source)
        assert.deepEqual(rtnetlink.route(address), { local: true, source })
      }
      rtnetlink.deleteAddress(index, address)
      assert.deepEqual(rtnetlink.route(address), { local: true, source })
      rtnetlink.deleteLocalRoute(index, address)
      assert.deepEqual(rtnetlink.route(address), { local: false, source })
      fails('ESRCH', () => rtnetlink.deleteLocalRoute(index, address))
    }
  })

  test('throws what the kernel says, and works on after it', (t) => {
    const rtnetlink = client(t)
    assert.throws(
      () => rtnetlink.setUp(12_345),
      (error) => error instanceof SyscallError && error.message === 'Cannot RTM_NEWLINK: ENODEV',
    )
    fails('ENODEV', () => rtnetlink.setAddress(12_345, '10.96.0.10', null))
    fails('ENODEV', () => rtnetlink.deleteLink(12_345))
    fails('EEXIST', () => rtnetlink.createDummy('lo'))
    assert.throws(() => rtnetlink.route('300.1.1.1'), DnsletError)
    assert.equal(rtnetlink.link('lo')!.index, 1)
  })

  test('deletes a link', (t) => {
    const rtnetlink = client(t)
    ip('link add test-bridge type bridge')
    rtnetlink.deleteLink(rtnetlink.link('test-bridge')!.index)
    assert.equal(rtnetlink.link('test-bridge'), null)
  })
})
