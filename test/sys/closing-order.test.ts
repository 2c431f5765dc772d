import assert from 'node:assert/strict'
import { fstatSync, openSync, readdirSync, readlinkSync } from 'node:fs'
import { describe, test } from 'node:test'

import { ClosingOrder } from '../../src/sys/closing-order.ts'
import { type Libc, libc } from '../../src/sys/libc.ts'

const loaded = libc()
const skip = loaded.libc === null ? loaded.reason : false
const library = loaded.libc as Libc

/** Something to move: its descriptor and what tells it from all others. */
function open(): { fd: number; inode: bigint } {
  const fd = openSync('/proc/self/stat', 'r')
  return { fd, inode: fstatSync(fd, { bigint: true }).ino }
}

function isOpen(fd: number, inode: bigint): boolean {
  try {
    return fstatSync(fd, { bigint: true }).ino === inode
  } catch {
    return false
  }
}

/** What a descriptor is, as /proc has it. */
function target(fd: number): string {
  return readlinkSync(`/proc/self/fd/${fd}`)
}

function count(): number {
  return readdirSync('/proc/self/fd').length
}

describe('ClosingOrder', { skip }, () => {
  test('UDP sockets are below the TUN, listeners above everything', () => {
    const order = new ClosingOrder(library)
    const [first, second, tun, listener] = [open(), open(), open(), open()]
    const numbers = [
      order.socket(first.fd),
      order.socket(second.fd),
      order.tun(tun.fd),
      order.listener(listener.fd),
    ]
    const [a = 0, b = 0, c = 0, d = 0] = numbers
    assert.ok(a < c && b < c && c < d && d >= 512, numbers.join())
    for (const [at, { inode }] of [first, second, tun, listener].entries()) {
      assert.ok(isOpen(numbers[at]!, inode))
    }
    // The old numbers are free again.
    const connection = open()
    assert.ok(connection.fd > c, 'what comes later closes before the TUN')
    for (const fd of [a, b, c]) order.close(fd)
    for (const fd of [d, connection.fd]) library.close(fd)
  })

  test('a place that is given back is held for the next one', () => {
    const order = new ClosingOrder(library)
    const before = count()
    const place = order.tun(open().fd)
    order.close(place)
    assert.equal(target(place), '/dev/null')
    const held: number[] = []
    for (let i = 0; i < 100; i++) {
      const fd = order.socket(open().fd)
      if (i % 3 === 0) order.close(fd)
      else held.push(fd)
    }
    const next = open()
    assert.equal(order.tun(next.fd), place)
    assert.ok(isOpen(place, next.inode))
    const another = open()
    assert.equal(order.tun(another.fd), another.fd, 'one only')
    for (const fd of [...held, place, another.fd]) order.close(fd)
    assert.equal(count(), before, 'what has no place is closed for good')
  })

  test('whoever cannot be moved keeps its number', () => {
    const refusing = { ...library, dup3: () => -1, fcntl: () => -1 }
    const order = new ClosingOrder(refusing)
    const { fd, inode } = open()
    assert.deepEqual([order.socket(fd), order.tun(fd), order.listener(fd)], [fd, fd, fd])
    assert.ok(isOpen(fd, inode))
    order.close(fd)
    assert.ok(!isOpen(fd, inode))
  })
})
