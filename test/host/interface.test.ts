import assert from 'node:assert/strict'
import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import { after, describe, test, type TestContext } from 'node:test'

import { type InterfaceParts, type NodeInterface, openInterface } from '../../src/host/interface.ts'
import type { Log } from '../../src/lib/log.ts'
import { Descriptors } from '../../src/sys/descriptors.ts'
import { type Libc, libc } from '../../src/sys/libc.ts'
import { Rtnetlink } from '../../src/sys/rtnetlink.ts'
import { openTun } from '../../src/sys/tun.ts'
import { dummyStandIn } from '../helpers/dummy-stand-in.ts'
import { nullLog } from '../helpers/null-log.ts'
import { addUplink, enterOwnNetwork, ip } from '../helpers/own-network.ts'
import { type Running, startProcess, waitUntil } from '../helpers/processes.ts'

const skip = enterOwnNetwork() || false
const library = libc().libc as Libc
const NAME = 'nodelocaldns'
const ENOENT = 2
const EPERM = 1
const F_DUPFD_CLOEXEC = 1030

const both = ['10.96.0.10', '169.254.20.10', 'fd00:96::a']

function parts(more: Partial<InterfaceParts> = {}): InterfaceParts {
  const descriptors = new Descriptors({ libc: more.libc ?? library })
  const usual = { libc: library, name: NAME, addresses: both, lease: 'set', log: nullLog } as const
  return { descriptors, ...usual, ...more }
}

function open(t: TestContext, more: Partial<InterfaceParts> = {}): NodeInterface {
  const opened = openInterface(parts(more))
  t.after(() => opened.remove())
  return opened
}

function uplink(t: TestContext): void {
  addUplink()
  t.after(() => void ip('link delete node0'))
}

/** Addresses of the interface with the seconds they have left. */
function addresses(): Map<string, number | null> {
  const rtnetlink = new Rtnetlink(library)
  const link = rtnetlink.link(NAME)
  const listed = link === null ? [] : rtnetlink.addresses(link.index)
  rtnetlink.close()
  return new Map(listed.map(({ address, lifetime }) => [address, lifetime]))
}

function names(): string[] {
  return [...addresses().keys()].toSorted()
}

function onLoopback(): string[] {
  const rtnetlink = new Rtnetlink(library)
  const listed = rtnetlink.addresses(rtnetlink.link('lo')!.index)
  rtnetlink.close()
  return listed.map(({ address }) => address)
}

function exists(): boolean {
  return ip('link show').includes(` ${NAME}:`)
}

function failsWith(message: RegExp, what: () => unknown): void {
  assert.throws(what, { code: 'E_INTERFACE', message })
}

/** A host process's socket that is connected to an address of ours. */
async function connected(t: TestContext, address: string): Promise<Socket> {
  const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4')
  t.after(() => void socket.close())
  socket.on('error', () => {})
  socket.connect(53, address)
  await once(socket, 'connect')
  return socket
}

/** Asks a server on an address of ours, and returns who answered. */
async function echo(t: TestContext, address: string): Promise<string> {
  const server = createSocket(address.includes(':') ? 'udp6' : 'udp4')
  t.after(() => void server.close())
  server.on('message', (bytes, from) => server.send(bytes, from.port, from.address))
  server.bind(53, address)
  await once(server, 'listening')
  const client = await connected(t, address)
  client.send('x')
  const [, from] = (await once(client, 'message')) as [Buffer, { address: string }]
  return from.address
}

/** What a socket's next datagram fails with, or ''. */
async function sendError(socket: Socket): Promise<string> {
  const error = await new Promise<NodeJS.ErrnoException | null>((resolve) =>
    socket.send('x', resolve),
  )
  return error?.code ?? ''
}

function warnings(): { log: Log; texts: string[] } {
  const texts: string[] = []
  return { log: { ...nullLog, warning: (text) => void texts.push(text) }, texts }
}

describe('openInterface()', { skip }, () => {
  test('makes a TUN that is up and has our addresses, IPv4 and IPv6, and no other', (t) => {
    const opened = open(t)
    assert.equal(opened.kind, 'tun')
    assert.ok(opened.fd! > 2)
    assert.deepEqual(names(), both.toSorted())
    assert.match(ip(`link show dev ${NAME}`), /[<,]UP[,>]/)
    assert.deepEqual(opened.ensure(), [])
    opened.remove()
    assert.equal(exists(), false)
  })

  for (const lease of ['set', 'address'] as const) {
    test(`lets servers answer on our addresses, with lease "${lease}"`, async (t) => {
      uplink(t)
      open(t, { lease })
      for (const address of both) assert.equal(await echo(t, address), address)
    })
  }

  test('is content with IPv6 alone, in any spelling', (t) => {
    const opened = open(t, { addresses: ['FD00:96:0::A'] })
    assert.deepEqual(names(), ['fd00:96::a'])
    assert.deepEqual(opened.ensure(), [])
    opened.remove()
    assert.equal(exists(), false)
  })

  test('removes what is left on the link of other addresses', (t) => {
    const fd = openTun(library, NAME)
    t.after(() => void library.close(fd))
    ip(`address add 10.96.0.77/32 dev ${NAME}`)
    ip(`-6 address add fd00:96::77/128 dev ${NAME}`)
    open(t)
    assert.deepEqual(names(), both.toSorted())
  })

  test('refuses a link that somebody else made, and leaves it alone', (t) => {
    ip(`link add ${NAME} type bridge`)
    failsWith(/there is a bridge link.*ip link delete nodelocaldns/, () => open(t))
    assert.ok(exists())
    ip(`link delete ${NAME}`)
    ip(`tuntap add ${NAME} mode tun multi_queue`)
    failsWith(/there is a persistent tun link/, () => open(t))
    ip(`link delete ${NAME}`)
  })

  test('refuses a name that the kernel would not take as it is', (t) => {
    for (const name of ['', 'a b', 'a/b', 'tun%d', 'sixteen-letters-']) {
      failsWith(/no name of an interface/, () => open(t, { name }))
    }
  })

  test('leaves nothing behind where an address cannot be added: it is tried each second', (t) => {
    const before = readdirSync('/proc/self/fd').length
    failsWith(/RTM_NEWADDR/, () => open(t, { addresses: ['10.96.0.10', '255.255.255.255', '::'] }))
    assert.equal(exists(), false)
    assert.equal(readdirSync('/proc/self/fd').length, before)
  })
})

describe('a host process with a connected socket', { skip }, () => {
  for (const address of ['10.96.0.10', 'fd00:96::a']) {
    test(`has the node's address as its own on the way to ${address}, and can send after us`, async (t) => {
      uplink(t)
      const opened = open(t)
      const socket = await connected(t, address)
      assert.equal(socket.address().address, address.includes(':') ? 'fd09::1' : '10.9.0.1')
      opened.remove()
      assert.equal(await sendError(socket), '')
    })
  }

  test('would be cut off if it had ours, as with lease "address"', async (t) => {
    uplink(t)
    const opened = open(t, { lease: 'address' })
    const socket = await connected(t, '10.96.0.10')
    assert.equal(socket.address().address, '10.96.0.10')
    opened.remove()
    assert.equal(await sendError(socket), 'ENETUNREACH')
  })

  test('is warned of once, where the node has no way out', (t) => {
    const { log, texts } = warnings()
    const opened = open(t, { log })
    assert.deepEqual(opened.ensure(), [])
    assert.equal(texts.length, 1)
    assert.match(texts[0]!, /Cannot find this node's own address on the way to 10\.96\.0\.10/)
    uplink(t)
    assert.deepEqual(
      opened.ensure(),
      both.map((address) => `source address of the route to ${address}`),
    )
  })
})

describe('ensure()', { skip }, () => {
  test('puts back addresses, state and routes, and says so once', async (t) => {
    uplink(t)
    const opened = open(t)
    ip(`address delete 10.96.0.10/32 dev ${NAME}`)
    ip(`-6 address delete fd00:96::a/128 dev ${NAME}`)
    assert.deepEqual(opened.ensure().slice(0, 2), ['address 10.96.0.10', 'address fd00:96::a'])
    assert.deepEqual(names(), both.toSorted())
    assert.deepEqual(opened.ensure(), [])
    ip(`link set ${NAME} down`)
    assert.equal(opened.ensure()[0], `state of ${NAME}: up`)
    // The kernel's own route for IPv6 comes from a thread, on a busy machine after ours.
    await waitUntil('nothing is missing', () => opened.ensure().length === 0)
    assert.match(ip('route get 10.96.0.10'), /src 10\.9\.0\.1/)
    assert.match(ip('route get fd00:96::a'), /src fd09::1/)
    ip(`route delete local 10.96.0.10 dev ${NAME} table local`)
    assert.deepEqual(opened.ensure(), ['source address of the route to 10.96.0.10'])
  })

  test("follows the node's address when it changes", (t) => {
    uplink(t)
    const opened = open(t)
    ip('address add 10.9.0.3/24 dev node0')
    ip('address delete 10.9.0.1/24 dev node0')
    ip('address replace 10.9.0.3/24 dev node0')
    ip('route replace default via 10.9.0.2')
    ip('-6 address add fd09::3/64 dev node0 nodad')
    ip('-6 address delete fd09::1/64 dev node0')
    assert.deepEqual(
      opened.ensure(),
      both.map((address) => `source address of the route to ${address}`),
    )
    assert.match(ip('route get 10.96.0.10'), /local .*src 10\.9\.0\.3/)
    assert.match(ip('route get fd00:96::a'), /local .*src fd09::3/)
    assert.deepEqual(opened.ensure(), [])
  })

  test('makes the link again when it was deleted', (t) => {
    const opened = open(t)
    assert.equal(opened.renew(), true)
    ip(`link delete ${NAME}`)
    assert.equal(opened.renew(), false)
    const leased = open(t, { lease: 'address' })
    ip(`link delete ${NAME}`)
    assert.equal(leased.renew(), false)
    assert.equal(opened.ensure()[0], `link ${NAME}`)
    assert.deepEqual(names(), both.toSorted())
    assert.deepEqual(opened.ensure(), [])
  })
})

describe('lease "address"', { skip }, () => {
  test('lets addresses live for three seconds, and longer when it is renewed', async (t) => {
    const opened = open(t, { lease: 'address' })
    const most = (): number => Math.max(...[...addresses().values()].map((left) => left ?? 1000))
    assert.equal(most(), 3)
    await waitUntil('the lifetimes fall', () => most() < 3)
    assert.equal(addresses().size, both.length)
    assert.deepEqual(opened.ensure(), [])
    opened.renew()
    assert.deepEqual([...addresses().values()], [3, 3, 3])
  })

  test('ends when the process is frozen', async (t) => {
    const holder = await hold(t, 'address')
    process.kill(holder.pid, 'SIGSTOP')
    await waitUntil('the addresses expire', () => names().length === 0, holder, 6)
    assert.ok(exists())
    process.kill(holder.pid, 'SIGKILL')
  })
})

describe('the process that holds the interface', { skip }, () => {
  test('takes it along when it is killed, and cuts nobody off', async (t) => {
    uplink(t)
    const holder = await hold(t, 'set')
    assert.deepEqual(names(), both.toSorted())
    const sockets = await Promise.all(both.map((address) => connected(t, address)))
    process.kill(holder.pid, 'SIGKILL')
    await waitUntil('the process is gone', () => holder.ended() !== null)
    await waitUntil('the interface is gone', () => !exists(), undefined, 1)
    for (const [i, socket] of sockets.entries()) {
      assert.equal(await sendError(socket), '')
      assert.match(ip(`route get ${both[i]}`), /via (10\.9\.0\.2|fd09::2) dev node0/)
    }
  })

  test('does not pass it on to its children', (t) => {
    const opened = open(t)
    const link = (): string => ip('-details link show')
    assert.match(link(), new RegExp(NAME))
    const child = startProcess(t, 'sleep', ['30'])
    opened.leave()
    assert.equal(child.ended(), null)
    assert.equal(exists(), false)
  })
})

async function hold(t: TestContext, lease: string): Promise<Running> {
  const script = new URL('interface-holder.ts', import.meta.url).pathname
  const holder = startProcess(t, process.execPath, [script, NAME, lease, ...both])
  await waitUntil('the holder is ready', () => holder.output().includes('ready'), holder)
  return holder
}

describe('remove() and leave()', { skip }, () => {
  test('leave the addresses to another process that is attached', (t) => {
    const fd = openTun(library, NAME)
    const opened = open(t)
    opened.remove()
    assert.deepEqual(names(), both.toSorted())
    library.close(fd)
    assert.equal(exists(), false)
  })

  test('take effect once', (t) => {
    const first = open(t)
    first.remove()
    const second = open(t, { name: 'other0' })
    first.remove()
    first.leave()
    assert.deepEqual(second.ensure(), [])
  })
})

describe("openInterface() with a predecessor's TUN", { skip }, () => {
  /** What SCM_RIGHTS does: another descriptor of the same open file. */
  const pass = (from: NodeInterface): number => library.fcntl(from.fd!, F_DUPFD_CLOEXEC, 3)

  function adopt(more: Partial<InterfaceParts>, fd: number): NodeInterface {
    const descriptors = new Descriptors({ libc: library })
    const left = [fd]
    descriptors.inherit({ has: () => false, take: () => null, takeTun: () => left.pop() ?? null })
    return openInterface(parts({ descriptors, ...more }))
  }

  test('takes the device over, whose addresses never go', (t) => {
    const old = open(t)
    const next = adopt({ addresses: both.slice(1) }, pass(old))
    t.after(() => next.remove())
    assert.deepEqual(names(), both.slice(1).toSorted())
    old.leave()
    assert.deepEqual(names(), both.slice(1).toSorted())
    assert.deepEqual(next.ensure(), [])
    next.remove()
    assert.equal(exists(), false)
  })

  test('changes the lease, in both directions', async (t) => {
    uplink(t)
    const first = open(t)
    const second = adopt({ lease: 'address' }, pass(first))
    first.leave()
    assert.deepEqual([...addresses().values()], [3, 3, 3])
    assert.match(ip('route get 10.96.0.10'), /src 10\.96\.0\.10/)
    assert.match(ip('route get fd00:96::a'), /src fd00:96::a/)
    const third = adopt({}, pass(second))
    t.after(() => third.remove())
    second.leave()
    assert.deepEqual([...addresses().values()], [null, null, null])
    assert.match(ip('route get fd00:96::a'), /src fd09::1/)
    third.leave()
    assert.equal(exists(), false)
  })

  test('refuses and closes a descriptor of another interface, and one of none', () => {
    const other = openTun(library, 'other0')
    failsWith(/the predecessor's is named other0/, () => adopt({}, other))
    assert.doesNotMatch(ip('link show'), /other0/)
    const file = library.open('/dev/null', 0, 0)
    failsWith(/TUNGETIFF: ENOTTY/, () => adopt({}, file))
    assert.equal(library.fcntl(file, 1, 0), -1)
  })
})

describe('where TUN is not to be had', { skip }, () => {
  for (const errno of [ENOENT, EPERM]) {
    test(`a dummy has the addresses, which is said once (errno ${errno})`, (t) => {
      const { log, texts } = warnings()
      const opened = open(t, { log, libc: dummyStandIn(library, 'bridge', errno) })
      assert.deepEqual([opened.kind, opened.fd], ['dummy', null])
      assert.deepEqual(names(), both.toSorted())
      assert.deepEqual(opened.ensure(), [])
      const loud = texts.filter((text) => text.includes('is a dummy link'))
      assert.equal(loud.length, 1)
      assert.match(loud[0]!, /^Cannot open \/dev\/net\/tun: E(NOENT|PERM): nodelocaldns is a dummy/)
      opened.remove()
      assert.equal(exists(), false)
    })
  }

  test('the dummy outlives its holder and serves the next one', (t) => {
    const without = dummyStandIn(library, 'bridge', ENOENT)
    open(t, { libc: without }).leave()
    assert.ok(exists())
    const { index } = new Rtnetlink(library).link(NAME)!
    open(t, { libc: without, addresses: ['10.96.0.11'] })
    assert.equal(new Rtnetlink(library).link(NAME)!.index, index)
    assert.deepEqual(names(), ['10.96.0.11'])
  })

  test('and no dummy either, lo has the addresses beside its own, which is said once', (t) => {
    const { log, texts } = warnings()
    ip('address add 10.96.0.99/32 dev lo')
    t.after(() => void ip('address delete 10.96.0.99/32 dev lo'))
    const opened = open(t, { log, libc: dummyStandIn(library, 'absent', ENOENT) })
    assert.deepEqual([opened.kind, opened.fd], ['lo', null])
    assert.equal(exists(), false)
    for (const address of both) assert.ok(onLoopback().includes(address), address)
    const loud = texts.filter((text) => text.includes('are on lo'))
    assert.equal(loud.length, 1)
    assert.match(loud[0]!, /^no TUN \(Cannot open .*: ENOENT\) and no dummy link \(.*: ENOTSUP\): /)
    assert.deepEqual(opened.ensure(), [])
    ip('address delete 10.96.0.10/32 dev lo')
    assert.equal(opened.ensure()[0], 'address 10.96.0.10')
    opened.renew()
    opened.remove()
    assert.deepEqual(onLoopback(), ['127.0.0.1', '10.96.0.99', '::1'])
    assert.match(ip('link show dev lo'), /[<,]UP[,>]/)
  })

  test('on lo they stay with who takes over, and expire with lease "address"', async (t) => {
    const without = dummyStandIn(library, 'absent', ENOENT)
    open(t, { libc: without }).leave()
    const next = open(t, { libc: without, lease: 'address' })
    assert.equal(onLoopback().length, 2 + both.length)
    await waitUntil('the addresses expire', () => onLoopback().length === 2)
    next.renew()
    assert.equal(onLoopback().length, 2 + both.length)
  })

  test('and no right either, the error names both and the remedy', (t) => {
    const denied = dummyStandIn(library, 'denied', EPERM)
    failsWith(
      /no TUN \(Cannot open .*: EPERM\) and no dummy link \(.*: EPERM\); mount .*NET_ADMIN/,
      () => open(t, { libc: denied }),
    )
    assert.equal(exists(), false)
    assert.deepEqual(onLoopback(), ['127.0.0.1', '::1'])
  })

  test('a leftover dummy goes once a TUN is to be had', (t) => {
    const kernel = dummyStandIn(library, 'bridge', 0)
    new Rtnetlink(kernel).createDummy(NAME)
    ip(`address add 10.96.0.12/32 dev ${NAME}`)
    const opened = open(t, { libc: kernel })
    assert.equal(opened.kind, 'tun')
    assert.deepEqual(names(), both.toSorted())
  })
})

after(() => assert.equal(exists(), false, 'a test left the interface behind'))
