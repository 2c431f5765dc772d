import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { describe, test } from 'node:test'
import fc from 'fast-check'

import { canonicalAddress } from '../../src/lib/address.ts'
import { type Libc, libc } from '../../src/sys/libc.ts'
import { MessageVector, MSG_DONTWAIT } from '../../src/sys/mmsg.ts'
import {
  sockaddrAddress,
  sockaddrPort,
  sockaddrSize,
  writeSockaddr,
} from '../../src/sys/sockaddr.ts'
import {
  acceptQueue,
  bindTcp,
  bindUdp,
  errnoName,
  localPort,
  SyscallError,
} from '../../src/sys/socket.ts'
import { freePort } from '../helpers/ports.ts'
import { without } from '../net/clients.ts'

const loaded = libc()
const skip = loaded.libc === null ? loaded.reason : false
const library = loaded.libc as Libc

const any = { port: 0, freeBind: false, receiveBuffer: 2 ** 20 }

function bound(t: { after(fn: () => void): void }, address: string, port = 0): number {
  const fd = bindUdp(library, { ...any, address, port })
  t.after(() => void library.close(fd))
  return fd
}

test('acceptQueue() counts the connections that nobody has accepted', { skip }, async (t) => {
  const fd = bindTcp(library, { address: '127.0.0.1', port: 0, freeBind: false })
  t.after(() => void library.close(fd))
  assert.equal(acceptQueue(library, fd), null, 'it does not listen')
  library.listen(fd, 5)
  assert.equal(acceptQueue(library, fd), 0)
  const client = connect(localPort(library, fd), '127.0.0.1')
  await once(client, 'connect')
  assert.equal(acceptQueue(library, fd), 1)
  client.destroy()
  assert.equal(acceptQueue(library, bound(t, '127.0.0.1')), null)
})

describe('sockaddr', { skip }, () => {
  test('reads back what it writes', () => {
    const port = fc.nat(65_535)
    fc.assert(
      fc.property(fc.ipV4(), port, (address, p) => {
        const name = Buffer.alloc(32, 0xee)
        assert.ok(writeSockaddr(library, name, false, address, p))
        assert.deepEqual([sockaddrAddress(name), sockaddrPort(name)], [address, p])
        assert.deepEqual([...name.subarray(8, 17)], [0, 0, 0, 0, 0, 0, 0, 0, 0xee])
      }),
    )
    fc.assert(
      fc.property(fc.ipV6(), port, (address, p) => {
        const name = Buffer.alloc(32, 0xee)
        assert.ok(writeSockaddr(library, name, true, address, p))
        assert.deepEqual(
          [sockaddrAddress(name), sockaddrPort(name)],
          [canonicalAddress(address), p],
        )
      }),
    )
  })

  test('knows the scope of a link-local address by name and by number', () => {
    const name = Buffer.alloc(28)
    for (const scope of ['lo', '1']) {
      assert.ok(writeSockaddr(library, name, true, `fe80::1%${scope}`, 53))
      assert.equal(name.readUInt32LE(24), 1)
      assert.equal(sockaddrAddress(name), 'fe80::1')
    }
    assert.ok(writeSockaddr(library, name, true, 'fe80::1', 53))
    assert.equal(name.readUInt32LE(24), 0)
  })

  test('refuses what is no address', () => {
    const name = Buffer.alloc(28)
    assert.equal(writeSockaddr(library, name, false, '::1', 53), false)
    assert.equal(writeSockaddr(library, name, true, '127.0.0.1', 53), false)
    assert.equal(writeSockaddr(library, name, false, '127.0.0.256', 53), false)
  })
})

describe('bindUdp() and bindTcp()', { skip }, () => {
  test('throw the error of the kernel', () => {
    const absent = { ...any, address: '192.0.2.1' }
    for (const bind of [bindUdp, bindTcp]) {
      assert.throws(() => bind(library, absent), { code: 'EADDRNOTAVAIL', syscall: 'bind' })
      assert.throws(() => bind(library, { ...absent, address: 'x' }), { code: 'EINVAL' })
      assert.throws(() => bind({ ...library, socket: () => -1, errno: () => 24 }, absent), {
        code: 'EMFILE',
        syscall: 'socket',
      })
    }
  })

  test('bind an address that is not there when told so', () => {
    for (const address of ['192.0.2.1', '2001:db8::1']) {
      for (const bind of [bindUdp, bindTcp]) {
        const fd = bind(library, { ...any, address, freeBind: true })
        assert.ok(fd >= 0)
        library.close(fd)
      }
    }
  })

  test('make do with the receive buffer the kernel grants', (t) => {
    const options: number[] = []
    const refusing: Libc = {
      ...library,
      setsockopt: (fd, level, option, value, length) => {
        options.push(option)
        return option === 33 ? -1 : library.setsockopt(fd, level, option, value, length)
      },
    }
    const fd = bindUdp(refusing, { ...any, address: '127.0.0.1' })
    t.after(() => void library.close(fd))
    assert.deepEqual(options, [15, 33, 8])
  })
})

test('errnoName() gives the name of the kernel', () => {
  assert.equal(errnoName(98), 'EADDRINUSE')
  assert.equal(new SyscallError('bind', 13).message, 'Cannot bind: EACCES')
})

describe('MessageVector', { skip }, () => {
  for (const address of ['127.0.0.1', '::1']) {
    test(`carries datagrams both ways on ${address}`, { skip: without(address) }, async (t) => {
      const ipv6 = address === '::1'
      const layout = { count: 4, stride: 192, size: 128 }
      const [outgoing, incoming] = [layout, layout].map((one) => {
        const vector = new MessageVector(library, one)
        vector.setNameLength(sockaddrSize(ipv6))
        return vector
      }) as [MessageVector, MessageVector]
      const port = await freePort(address)
      const [from, to] = [bound(t, address), bound(t, address, port)]
      const name = Buffer.alloc(28)
      writeSockaddr(library, name, ipv6, address, port)
      const texts = ['one', 'two', 'x'.repeat(128)]
      texts.forEach((text, i) => {
        outgoing.buffers[i + 1]!.write(text)
        outgoing.point(i, i + 1, text.length)
        outgoing.setName(i, name)
      })
      assert.equal(library.sendmmsg(from, outgoing.address, 3, MSG_DONTWAIT), 3)
      assert.equal(library.recvmmsg(to, incoming.address, 4, MSG_DONTWAIT, 0), 3)
      texts.forEach((text, i) => {
        const length = incoming.lengthOf(i)
        assert.equal(incoming.buffers[i]!.toString('latin1', 0, length), text)
        assert.equal(incoming.isTruncated(i), false)
        assert.equal(sockaddrAddress(incoming.names[i]!), address)
      })

      // Back to where they came from, and longer than the receiver's buffers.
      outgoing.copyName(0, incoming, 2)
      outgoing.point(0, 0, 192 + 1)
      assert.equal(library.sendmmsg(to, outgoing.addressOf(0), 1, MSG_DONTWAIT), 1)
      assert.equal(library.recvmmsg(from, incoming.address, 4, MSG_DONTWAIT, 0), 1)
      assert.deepEqual([incoming.lengthOf(0), incoming.isTruncated(0)], [128, true])
      assert.equal(sockaddrPort(incoming.names[0]!), port)
    })
  }
})
