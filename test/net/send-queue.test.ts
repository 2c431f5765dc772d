import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import { NetCounters, UdpDrop } from '../../src/net/counters.ts'
import { SendQueue } from '../../src/net/send-queue.ts'
import { type Libc, libc } from '../../src/sys/libc.ts'
import { eventually } from '../helpers/eventually.ts'

const EAGAIN = 11
const EINVAL = 22
const EPERM = 1

const real = libc()

interface Kernel {
  readonly queue: SendQueue
  readonly counters: NetCounters
  /** Replies that it was told to be lost to a full buffer. */
  backlogged: number
  /** Packets per call from now on: a count it takes, or minus an error number. Then it takes all. */
  script: number[]
  /** How many packets each call took. */
  readonly taken: number[]
}

/** A queue over a kernel that takes what the test says. */
function make(library: Libc): Kernel {
  let error = 0
  const taken: number[] = []
  const take = (count: number): number => {
    const result = kernel.script.shift() ?? count
    if (result < 0) {
      error = -result
      return -1
    }
    taken.push(Math.min(result, count))
    return Math.min(result, count)
  }
  const fake: Libc = {
    ...library,
    sendmmsg: (_fd, _vector, count) => take(count),
    sendto: (_fd, _bytes, length) => (take(1) < 0 ? -1 : length),
    errno: () => error,
  }
  const counters = new NetCounters()
  const kernel: Kernel = {
    queue: new SendQueue(fake, -1, false, counters, (replies) => (kernel.backlogged += replies)),
    backlogged: 0,
    counters,
    script: [],
    taken,
  }
  return kernel
}

/** Another client for each reply: those to one leave as one message. */
let clients = 0
function client(port: number = ++clients): Buffer {
  const name = Buffer.alloc(28)
  name.writeUInt16LE(2)
  name.writeUInt16BE(port, 2)
  return name
}

function add(queue: SendQueue, count: number, size = 100): void {
  for (let i = 0; i < count; i++) {
    queue.reserve()
    queue.add(client(), size)
  }
}

describe('SendQueue', { skip: real.libc === null ? real.reason : false }, () => {
  const library = real.libc!

  test('reserve() gives the same buffer until a reply is added', () => {
    const { queue } = make(library)
    const first = queue.reserve()
    assert.equal(queue.reserve(), first)
    assert.ok(first.length >= 65_535)
    queue.add(client(), 10)
    assert.notEqual(queue.reserve(), first)
  })

  test('sends what is queued in one call, and by itself when it is full', () => {
    const { queue, taken, counters } = make(library)
    add(queue, 10)
    queue.flush()
    queue.flush()
    assert.deepEqual(taken, [10])
    add(queue, 65)
    assert.deepEqual(taken, [10, 64])
    queue.flush()
    assert.deepEqual(taken, [10, 64, 1])
    assert.equal(counters.udpSent.sum, 75)
  })

  test('a long reply takes the buffers it reaches into', () => {
    const { queue, taken } = make(library)
    const first = queue.reserve().byteOffset
    queue.add(client(), 3000)
    assert.ok(queue.reserve().byteOffset - first >= 3000)
    add(queue, 1, 65_535)
    add(queue, 20)
    queue.flush()
    // 3 and 54 buffers are taken, 7 of 64 are left.
    assert.deepEqual(taken, [2 + 7, 20 - 7])
  })

  test('goes on behind a refused packet', () => {
    const kernel = make(library)
    // The third of them is refused twice: as part of the plan, and alone. So is the fifth.
    kernel.script = [2, -EPERM, -EPERM, 1, -EPERM]
    add(kernel.queue, 6)
    kernel.queue.flush()
    assert.deepEqual(kernel.taken, [2, 1, 1])
    assert.equal(kernel.counters.udpDrops[UdpDrop.Unsendable], 2)
    assert.deepEqual([...kernel.counters.udpSendErrors.entries()], [[['EPERM'], { count: 2 }]])
  })

  test('tries a full send buffer again', async () => {
    const kernel = make(library)
    kernel.script = [1, -EAGAIN, -EAGAIN]
    add(kernel.queue, 4)
    kernel.queue.flush()
    add(kernel.queue, 1)
    await eventually(() => kernel.counters.udpSent.sum === 5, 'the rest is sent')
    assert.deepEqual(kernel.taken, [1, 4])
    assert.equal(kernel.counters.udpDrops[UdpDrop.Backlog], 0)
  })

  test('drops what a full send buffer does not take in a few milliseconds', async () => {
    const kernel = make(library)
    kernel.script = new Array<number>(6).fill(-EAGAIN)
    add(kernel.queue, 4)
    kernel.queue.flush()
    await eventually(() => kernel.counters.udpDrops[UdpDrop.Backlog] === 4, 'given up')
    add(kernel.queue, 1)
    kernel.queue.flush()
    assert.deepEqual(kernel.taken, [1])
  })

  test('sends replies to one client as one message, and alone where the kernel cannot', () => {
    const kernel = make(library)
    const busy = client()
    const reply = (name: Buffer, size: number): void => {
      kernel.queue.reserve()
      kernel.queue.add(name, size)
    }
    const some = (): void => {
      for (const size of [90, 60, 90]) reply(busy, size)
      reply(client(), 70)
    }
    some()
    kernel.queue.flush()
    assert.deepEqual(kernel.taken, [2])
    assert.equal(kernel.counters.udpSent.sum, 4)
    kernel.script = [-EINVAL]
    some()
    kernel.queue.flush()
    some()
    kernel.queue.flush()
    assert.deepEqual(kernel.taken, [2, 4, 4])
    assert.equal(kernel.counters.udpSent.sum, 12)
  })

  test('a forged port 0 does not keep the replies of others apart', () => {
    const kernel = make(library)
    const busy = client()
    const some = (): void => {
      for (const name of [busy, busy]) {
        kernel.queue.reserve()
        kernel.queue.add(name, 90)
      }
    }
    for (const forged of [1, 2]) {
      kernel.script = [-EINVAL, ...new Array<number>(forged).fill(-EINVAL)]
      for (let i = 0; i < forged; i++) {
        kernel.queue.reserve()
        kernel.queue.add(client(0), 90)
      }
      some()
      kernel.queue.flush()
    }
    const before = kernel.taken.length
    some()
    kernel.queue.flush()
    assert.deepEqual(kernel.taken.slice(before), [1])
  })

  test('makes room for new replies where the send buffer stays full', () => {
    const kernel = make(library)
    assert.equal(kernel.queue.isFull, false)
    kernel.script = [-EAGAIN, -EAGAIN]
    add(kernel.queue, 64)
    assert.equal(kernel.queue.isFull, false)
    kernel.queue.flush()
    assert.equal(kernel.queue.isFull, true)
    add(kernel.queue, 1)
    assert.equal(kernel.queue.isFull, false)
    assert.equal(kernel.counters.udpDrops[UdpDrop.Backlog], 64)
    assert.equal(kernel.backlogged, 64)
    kernel.queue.close()
    assert.equal(kernel.counters.udpDrops[UdpDrop.Closed], 1)
  })
})
