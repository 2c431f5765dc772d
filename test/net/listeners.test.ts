import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { networkInterfaces, type NetworkInterfaceInfo } from 'node:os'
import { describe, test } from 'node:test'

import { Clock } from '../../src/lib/clock.ts'
import type { Log } from '../../src/lib/log.ts'
import { chooseUdpBackend } from '../../src/net/backend.ts'
import { NetCounters } from '../../src/net/counters.ts'
import { Listeners, type ListenersOptions } from '../../src/net/listeners.ts'
import type { Listener } from '../../src/net/open-listener.ts'
import { localAddresses } from '../../src/net/local-addresses.ts'
import { Descriptors } from '../../src/sys/descriptors.ts'
import { nullLog } from '../helpers/null-log.ts'
import type { Owner } from '../helpers/processes.ts'
import { eventually } from '../helpers/eventually.ts'
import { query, tcpClient, udpClient, without } from './clients.ts'
import { isIntact, testServer } from './test-server.ts'

const udp = chooseUdpBackend(process.env)

interface Made {
  readonly listeners: Listeners
  readonly counters: NetCounters
  readonly lines: string[]
  readonly open: (host: string, port?: number) => Promise<Listener>
}

function make(owner: Owner, options: Partial<ListenersOptions> = {}): Made {
  const counters = new NetCounters()
  const lines: string[] = []
  const note = (line: string): void => void lines.push(line)
  const log: Log = { ...nullLog, info: note, warning: note }
  const listeners = new Listeners({ udp, clock: new Clock(), counters, log, ...options })
  const open = async (host: string, port = 0): Promise<Listener> => {
    const listener = await listeners.open(host, port, testServer().dispatch)
    owner.after(() => listener.drain(0))
    return listener
  }
  return { listeners, counters, lines, open }
}

async function asks(owner: Owner, address: string, port: number): Promise<void> {
  const server = { address, port }
  const viaUdp = await udpClient(owner, server)
  viaUdp.send(query({ id: 1 }))
  const viaTcp = await tcpClient(owner, server)
  viaTcp.send(query({ id: 2 }))
  await Promise.all([viaUdp.wait(1), viaTcp.wait(1)])
  assert.equal(viaUdp.replies[0]!.from.address, address)
  assert.ok(isIntact(viaUdp.replies[0]!.wire, 1))
  assert.ok(isIntact(viaTcp.replies[0]!, 2))
}

/** One loopback interface with these addresses. */
function loopback(...addresses: readonly string[]): NodeJS.Dict<NetworkInterfaceInfo[]> {
  const infos = addresses.map((address) => ({
    address,
    family: address.includes(':') ? 'IPv6' : 'IPv4',
  }))
  return { lo: infos as NetworkInterfaceInfo[] }
}

describe('Listeners', () => {
  for (const address of ['127.0.0.1', '::1']) {
    test(
      `open() serves UDP and TCP on ${address}, one port for both`,
      { skip: without(address) },
      async (t) => {
        const { open, counters } = make(t)
        const listener = await open(address)
        assert.equal(listener.host, address)
        await asks(t, address, listener.port)
        assert.deepEqual([counters.udpSockets, counters.tcpListeners], [1, 1])
        await listener.drain(1_000)
        assert.deepEqual([counters.udpSockets, counters.tcpListeners], [0, 0])
      },
    )
  }

  for (const host of ['', '::', '0.0.0.0']) {
    test(`open('${host}') answers from each address asked`, async (t) => {
      const { open, counters } = make(t)
      const { port } = await open(host)
      await asks(t, '127.0.0.1', port)
      assert.equal(counters.udpSockets, localAddresses(networkInterfaces()).length)
      if (without('::1') === false) await asks(t, '::1', port)
    })
  }

  test('opens a socket for an address that appears and closes that of one that goes', async (t) => {
    let present = loopback('127.0.0.1')
    const { open, counters, lines } = make(t, { interfaces: () => present, rescanMs: 5 })
    const { port } = await open('')
    assert.equal(counters.udpSockets, 1)
    present = loopback('127.0.0.1', '127.0.0.9')
    await eventually(() => counters.udpSockets === 2, 'the new address is open')
    await asks(t, '127.0.0.9', port)
    present = loopback('127.0.0.9')
    await eventually(() => counters.udpSockets === 1, 'the old address is closed')
    await asks(t, '127.0.0.9', port)
    assert.deepEqual(lines, [
      `listening on new address 127.0.0.9:${port} (udp)`,
      `no longer listening on 127.0.0.1:${port} (udp)`,
    ])
  })

  test('keeps its sockets while the kernel does not list the interfaces', async (t) => {
    let present: ReturnType<typeof loopback> | null = loopback('127.0.0.1')
    const interfaces = (): ReturnType<typeof loopback> => {
      if (present === null) throw new Error('too many open files')
      return present
    }
    const { open, counters } = make(t, { interfaces })
    const wildcard = await open('')
    present = null
    // Has the wildcard look again, and so does its end.
    const other = await open('127.0.0.9', wildcard.port)
    await other.drain(0)
    await asks(t, '127.0.0.1', wildcard.port)
    await wildcard.drain(0)
    assert.equal(counters.udpSockets, 0)
  })

  test('opens it for each of several wildcards', async (t) => {
    let present = loopback('127.0.0.1')
    const made = make(t, { interfaces: () => present, rescanMs: 5 })
    const { port } = await made.open('0.0.0.0')
    await made.open('::', port)
    made.listeners.sharePort(false)
    assert.equal(made.counters.udpSockets, 2)
    present = loopback('127.0.0.1', '127.0.0.9')
    await eventually(() => made.counters.udpSockets === 4, 'both have it')
    await asks(t, '127.0.0.9', port)
    const line = `listening on new address 127.0.0.9:${port} (udp)`
    assert.deepEqual(made.lines, [line, line])
  })

  test('has a socket for an address that is to come, before anybody can look for it', async (t) => {
    const present = loopback('127.0.0.1')
    const { open, counters, lines } = make(t, { interfaces: () => present, coming: ['127.0.0.9'] })
    const { port } = await open('')
    assert.equal(counters.udpSockets, 2)
    await asks(t, '127.0.0.9', port)
    assert.deepEqual(lines, [])
  })

  test('skips an address that is gone, and says once which cannot be opened', async (t) => {
    let present = loopback('127.0.0.1', '192.0.2.1')
    const { open, counters, lines } = make(t, { interfaces: () => present, rescanMs: 2 })
    const { port } = await open('')
    assert.equal(counters.udpSockets, 1)
    let looks = 0
    present = new Proxy(loopback('127.0.0.1', 'fe80::1%nowhere0'), {
      ownKeys: (target) => {
        looks++
        return Reflect.ownKeys(target)
      },
    })
    await eventually(() => looks > 5, 'looked often enough')
    assert.equal(lines.length, 1)
    assert.ok(
      lines[0]!.startsWith(`ListenPacket: listen udp [fe80::1%nowhere0%lo]:${port}: bind: `),
    )
  })

  test('opens all or nothing', async (t) => {
    const present = loopback('127.0.0.1', '256.0.0.1')
    const { open, counters } = make(t, { interfaces: () => present })
    await assert.rejects(open(''))
    assert.deepEqual([counters.udpSockets, counters.tcpListeners], [0, 0])
  })

  test('says who may hold an address in use', async (t) => {
    const other = createServer().listen(0, '127.0.0.1')
    await once(other, 'listening')
    t.after(() => void other.close())
    const { port } = other.address() as { port: number }
    await assert.rejects(make(t).open('127.0.0.1', port), {
      name: 'ListenError',
      code: 'EADDRINUSE',
      message:
        `Listen: listen tcp 127.0.0.1:${port}: bind: address already in use ` +
        `("ss -lnpt sport = :${port}" names the program that holds it)`,
    })
  })

  test('says that an address is not there', async (t) => {
    await assert.rejects(make(t).open('192.0.2.1', 5353), {
      code: 'EADDRNOTAVAIL',
      message:
        'Listen: listen tcp 192.0.2.1:5353: bind: cannot assign requested address ' +
        '(this machine does not have the address: "ip address" lists those it has)',
    })
  })

  test('binds an address before it is there', { skip: udp.name === 'dgram' }, async (t) => {
    const { open, counters } = make(t, {
      descriptors: new Descriptors({ onNode: ['192.0.2.1', '2001:db8::1'] }),
    })
    await open('192.0.2.1')
    await open('2001:db8::1')
    assert.deepEqual([counters.udpSockets, counters.tcpListeners], [2, 2])
  })

  test('warns of another process on the address, but not of itself', async (t) => {
    const one = make(t)
    const { port } = await one.open('127.0.0.1')
    await one.open('127.0.0.1', port)
    assert.deepEqual(one.lines, [])
    const other = make(t)
    await other.open('127.0.0.1', port)
    assert.deepEqual(other.lines, [
      `127.0.0.1:${port} is open in another process too, which gets part of the queries: ` +
        `"ss -lnp sport = :${port}" names it`,
    ])
  })

  test('warns of nobody who keeps it from opening the address', async (t) => {
    const holder = createServer().listen(0, '127.0.0.1')
    t.after(() => holder.close())
    await once(holder, 'listening')
    const { port } = holder.address() as AddressInfo
    const { lines, open } = make(t)
    await assert.rejects(open('127.0.0.1', port), { code: 'EADDRINUSE' })
    assert.deepEqual(lines, [])
  })

  test('a replaced dispatch takes the next query, over UDP and TCP', async (t) => {
    const { listeners } = make(t)
    const listener = await listeners.open('127.0.0.1', 0)
    t.after(() => listener.drain(0))
    const server = { address: '127.0.0.1', port: listener.port }
    const viaUdp = await udpClient(t, server)
    const viaTcp = await tcpClient(t, server)
    // Without a dispatch, queries are dropped.
    let dropped = 0
    const { dispatch: ignore } = listener
    listener.dispatch = (q) => {
      dropped++
      ignore(q)
    }
    viaUdp.send(query({ id: 1 }))
    viaTcp.send(query({ id: 1 }))
    await eventually(() => dropped === 2, 'both dropped')
    listener.dispatch = testServer().dispatch
    viaUdp.send(query({ id: 2 }))
    viaTcp.send(query({ id: 2 }))
    await Promise.all([viaUdp.wait(1), viaTcp.wait(1)])
    assert.ok(isIntact(viaUdp.replies[0]!.wire, 2))
    assert.ok(isIntact(viaTcp.replies[0]!, 2))
  })
})
