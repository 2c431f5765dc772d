import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { openSync, readdirSync, readlinkSync } from 'node:fs'
import { type AddressInfo, createServer, type Server } from 'node:net'
import { describe, test } from 'node:test'

import { descriptorOf } from '../../src/lib/descriptor-of.ts'
import { Descriptors, type Inheritance } from '../../src/sys/descriptors.ts'
import { type Libc, libc } from '../../src/sys/libc.ts'
import { bindTcp, bindUdp, localPort } from '../../src/sys/socket.ts'

const loaded = libc()
const skip = loaded.libc === null ? loaded.reason : false
const library = loaded.libc as Libc
const anyPort = { address: '127.0.0.1', port: 0 }
const absent = { address: '192.0.2.1', port: 0 }
const SIZE = 2 ** 16

/** A UDP socket that stays open; its descriptor. */
function udp(descriptors: Descriptors, at = anyPort): Promise<number> {
  return descriptors.udp(at, SIZE, (fd) => fd)
}

/** A server that listens, to be closed. */
async function listening(descriptors: Descriptors, host = '127.0.0.1', port = 0): Promise<Server> {
  const server = createServer()
  await descriptors.listen(server, 'tcp', host, port, 300)
  return server
}

/** What a descriptor is, as /proc has it; '' for none. */
function target(fd: number): string {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`)
  } catch {
    return ''
  }
}

function count(): number {
  return readdirSync('/proc/self/fd').length
}

/** Connections the kernel holds for a server: `tcpi_sacked` of TCP_INFO, as of one that listens. */
function backlog(server: Server): number {
  const [info, length] = [Buffer.alloc(64), Buffer.from(Uint32Array.of(64).buffer)]
  library.getsockopt(descriptorOf(server), 6, 11, info, length)
  return info.readUInt32LE(28)
}

/** Gives these sockets, each once. */
function inheritance(sockets: Readonly<Record<string, number>>): Inheritance {
  const left = new Map(Object.entries(sockets))
  const take = (name: string): number | null => {
    const fd = left.get(name) ?? null
    left.delete(name)
    return fd
  }
  return {
    has: (kind, host, port) => left.has(`${kind} ${host} ${port}`),
    take: (kind, host, port) => take(`${kind} ${host} ${port}`),
    takeTun: () => take('tun'),
  }
}

/**
 * First: a child's end is a signal that any thread may get, whose handler writes to a pipe of the main thread's. After a
 * suite that has parted their descriptors it ends the process, where that is on another thread.
 */
describe('Descriptors of a node', { skip }, () => {
  test('end with the main thread and those of libuv, whatever others still run', () => {
    const script = new URL('descriptors-child.ts', import.meta.url).pathname
    const run = (...args: readonly string[]): Record<string, unknown> =>
      JSON.parse(execFileSync(process.execPath, [script, ...args], { encoding: 'utf8' })) as never
    const { before, after, all } = run()
    const ofLibuv = Array.from({ length: 4 }, () => 'libuv-worker')
    assert.deepEqual([before, after], [['MainThread'], ['MainThread', ...ofLibuv]])
    assert.ok(Number(all) > 5, 'V8 has threads as well')
    // Descriptors that libuv's threads have opened would be lost.
    const late = run('late')
    assert.equal((late['after'] as string[]).length, late['all'])
  })
})

describe('Descriptors', { skip }, () => {
  test('bind addresses that come later on a node alone, and those alone', async () => {
    const plain = new Descriptors()
    await assert.rejects(udp(plain, absent), { code: 'EADDRNOTAVAIL' })
    await assert.rejects(listening(plain, absent.address), { code: 'EADDRNOTAVAIL' })
    const other = new Descriptors({ onNode: ['192.0.2.2', '2001:db8::1'] })
    await assert.rejects(udp(other, absent), { code: 'EADDRNOTAVAIL' })
    await assert.rejects(listening(other, absent.address), { code: 'EADDRNOTAVAIL' })
    other.close(await udp(other, { ...absent, address: '2001:DB8:0::1' }))
    const node = new Descriptors({ onNode: [absent.address] })
    node.close(await udp(node, absent))
    const servers = [await listening(node, absent.address), await listening(plain)]
    for (const host of ['', 'localhost']) servers.push(await listening(node, host))
    for (const server of servers) {
      assert.equal(backlog(server), 300)
      server.close()
    }
  })

  test('let others share an address, or keep them out', async () => {
    for (const onNode of [null, []]) {
      const descriptors = new Descriptors({ onNode })
      const server = await listening(descriptors)
      const [fd, { port }] = [descriptorOf(server), server.address() as AddressInfo]
      const another = async (): Promise<void> => {
        ;(await listening(descriptors, '127.0.0.1', port)).close()
      }
      await another()
      descriptors.share(fd, false, port)
      await assert.rejects(another(), { code: 'EADDRINUSE' })
      descriptors.share(fd, true, port)
      await another()
      server.close()
    }
  })

  test('use what a predecessor gives first, and once', async () => {
    for (const onNode of [null, []]) {
      const descriptors = new Descriptors({ onNode })
      const old = bindUdp(library, { ...anyPort, freeBind: false, receiveBuffer: SIZE })
      const web = bindTcp(library, { ...anyPort, freeBind: false })
      const port = localPort(library, old)
      const inode = target(old)
      descriptors.inherit(inheritance({ [`udp 127.0.0.1 ${port}`]: old, 'tcp  80': web }))
      assert.ok(descriptors.inherits('udp', '127.0.0.1', port))
      const seen: unknown[] = []
      const fds = [old, old].map(() =>
        descriptors.udp({ ...anyPort, port }, SIZE, (fd, isInherited) => {
          seen.push([isInherited, target(fd) === inode])
          return fd
        }),
      )
      const opened = await Promise.all(fds)
      assert.deepEqual(seen, [
        [true, true],
        [false, false],
      ])
      assert.equal(descriptors.inherits('udp', '127.0.0.1', port), false)
      const server = await listening(descriptors, '', 80)
      assert.equal((server.address() as AddressInfo).address, '127.0.0.1')
      server.close()
      for (const fd of opened) descriptors.close(fd)
    }
  })

  test('close what nobody could use', async () => {
    for (const onNode of [null, []]) {
      const descriptors = new Descriptors({ onNode })
      const before = count()
      const failing = descriptors.udp(anyPort, SIZE, () => Promise.reject(new Error('no')))
      await assert.rejects(failing, /^Error: no$/)
      assert.equal(count(), before)
    }
  })

  test('without the C library everything is left to Node', async () => {
    const none = new Descriptors({ libc: null, onNode: [] })
    assert.equal(await udp(none), -1)
    ;(await listening(none)).close()
    none.share(5, false, 53)
    none.close(-1)
    for (const open of [() => none.tun('x'), () => none.packetFilter()]) {
      assert.throws(open, { code: 'E_NO_LIBC' })
    }
  })
})

describe('Descriptors, in the order of their end', { skip }, () => {
  /** A C library with these TUNs: any open file goes for one. */
  const withTun: Libc = {
    ...library,
    open: (path, flags, mode) =>
      library.open(path === '/dev/net/tun' ? '/proc/self/stat' : path, flags, mode),
    ioctl: (_fd, _request, argument) => (argument.write('tun0') > 0 ? 0 : -1),
  }

  test('UDP sockets are below the TUN, listeners above everything', async () => {
    const node = new Descriptors({ libc: withTun, onNode: [] })
    const before = [await udp(node), node.packetFilter(), node.tun('tun0')]
    const [a = 0, b = 0, tun = 0] = before
    const server = await listening(node)
    const listener = descriptorOf(server)
    assert.ok(a < tun && b < tun && tun < 512 && listener >= 512, [...before, listener].join())
    assert.deepEqual(
      [a, b, listener].map((fd) => target(fd).replace(/\d+/, '')),
      ['socket:[]', 'socket:[]', 'socket:[]'],
    )
    assert.match(target(tun), /stat$/)
    const connection = openSync('/proc/self/stat', 'r')
    assert.ok(connection > tun, 'what comes later closes before the TUN')
    for (const fd of [...before, connection]) node.close(fd)
    server.close()
  })

  test('a place that is given back is held for the next one', async () => {
    const node = new Descriptors({ libc: withTun, onNode: [] })
    const before = count()
    const place = node.tun('tun0')
    node.close(place)
    assert.equal(target(place), '/dev/null')
    const held: number[] = []
    for (let i = 0; i < 100; i++) {
      const fd = await udp(node)
      if (i % 3 === 0) node.close(fd)
      else held.push(fd)
    }
    assert.equal(node.tun('tun0'), place)
    assert.match(target(place), /stat$/)
    const another = node.tun('tun0')
    assert.ok(another > place, 'one only')
    for (const fd of [...held, place, another]) node.close(fd)
    assert.equal(count(), before, 'what has no place is closed for good')
  })

  test('whatever cannot be moved keeps its number', async () => {
    const node = new Descriptors({
      libc: { ...withTun, dup3: () => -1, fcntl: () => -1 },
      onNode: [],
    })
    const server = await listening(node)
    const opened = [await udp(node), node.tun('tun0')]
    for (const fd of [...opened, descriptorOf(server)]) assert.ok(target(fd) !== '' && fd < 512)
    server.close()
    for (const fd of opened) node.close(fd)
    assert.deepEqual(opened.map(target), ['', ''])
  })
})
