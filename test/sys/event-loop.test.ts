import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { describe, test } from 'node:test'

import { EventLoop, type Koffi, type Program } from '../../src/sys/event-loop.ts'
import { type Libc, libc } from '../../src/sys/libc.ts'
import { bindUdp } from '../../src/sys/socket.ts'
import { waitUntil } from '../helpers/processes.ts'

const loaded = libc()
const skip = loaded.libc === null ? loaded.reason : false
const library = loaded.libc as Libc

describe('EventLoop', { skip }, () => {
  const koffi = createRequire(import.meta.url)('koffi') as Koffi & { load(name: null): Program }
  const program = koffi.load(null)

  test('says which descriptor it cannot watch, and watches others', () => {
    const loop = new EventLoop(koffi, program)
    assert.throws(() => loop.poll(-1, () => {}), /^Error: Cannot watch descriptor -1: bad file/)
    const fd = udp()
    const watch = loop.poll(fd, () => {})
    assert.throws(() => loop.poll(fd, () => {}), /file already exists/)
    watch.close()
    library.close(fd)
  })

  test('gives back what a handle took once libuv is done with it', async () => {
    let registered = 0
    const given: unknown[] = []
    const counting: Koffi = {
      ...koffi,
      node: koffi.node,
      alloc: (type, length) => {
        registered++
        return koffi.alloc(type, length)
      },
      unregister: (callback) => {
        given.push(callback)
        koffi.unregister(callback)
      },
    }
    const loop = new EventLoop(counting, program)
    for (let round = 1; round <= 3; round++) {
      const fd = udp()
      const watch = loop.poll(fd, () => {})
      watch.close()
      watch.close()
      watch.start(() => {})
      library.close(fd)
      assert.equal(given.length, round - 1)
      await waitUntil('it is closed', () => given.length === round)
    }
    assert.equal(registered, 1)
  })

  test('a handle may be closed by what it wakes', async () => {
    const loop = new EventLoop(koffi, program)
    const [reader, writer] = [udp(), udp()]
    let woken = 0
    const watch = loop.poll(reader, (status) => {
      assert.equal(status, 0)
      woken++
      watch.close()
    })
    const name = Buffer.alloc(16)
    library.getsockname(reader, name, Buffer.from([16, 0, 0, 0]))
    library.connect(writer, name, 16)
    for (const octet of [1, 2]) library.send(writer, Buffer.of(octet), 1, 0)
    await waitUntil('it is woken', () => woken > 0)
    await new Promise((resolve) => void setImmediate(resolve))
    assert.equal(woken, 1)
    for (const fd of [reader, writer]) library.close(fd)
  })

  test('leaves to koffi what is too much for its callbacks', async () => {
    const theirs: number[] = []
    const ready = (): void => {}
    const counting: Koffi = {
      ...koffi,
      node: { env: koffi.node.env, poll: (fd: number) => void theirs.push(fd) },
    }
    const loop = new EventLoop(counting, program, 1)
    const [one, other] = [udp(), udp()]
    const watch = loop.poll(one, ready)
    loop.poll(other, ready)
    assert.deepEqual(theirs, [other])
    watch.close()
    await new Promise((resolve) => void setTimeout(resolve, 1))
    loop.poll(other, ready).close()
    assert.deepEqual(theirs, [other])
    for (const fd of [one, other]) library.close(fd)
  })

  test('ends the count of idle time, once', async () => {
    const loop = new EventLoop(koffi, program)
    assert.equal(loop.stopIdleCount(), true)
    assert.equal(loop.stopIdleCount(), false)
    const { idle } = performance.eventLoopUtilization()
    await new Promise((resolve) => void setTimeout(resolve, 2))
    assert.equal(performance.eventLoopUtilization().idle, idle)
    const configure = program.func('int uv_loop_configure(void *loop, int option)')
    assert.equal((configure as (...args: unknown[]) => number)(loopOf(program), 1), 0)
    assert.equal(loop.stopIdleCount(), true)
  })

  test('leaves a loop alone in which the flag is elsewhere', () => {
    const odd: Program = {
      func: (...args: [string]) => {
        const real = program.func(...args)
        return args[0].includes('uv_loop_configure') ? () => -22 : real
      },
    }
    const configure = program.func('int uv_loop_configure(void *loop, int option)')
    assert.equal((configure as (...args: unknown[]) => number)(loopOf(program), 1), 0)
    assert.equal(new EventLoop(koffi, odd).stopIdleCount(), false)
    assert.equal(new EventLoop(koffi, program).stopIdleCount(), true, 'it is as it was')
  })

  test('is not made where Node.js does not export libuv', () => {
    const without: Program = {
      func: (definition: string) => {
        throw new Error(`Cannot find function in ${definition}`)
      },
    }
    assert.throws(() => new EventLoop(koffi, without), /Cannot find function/)
  })
})

function udp(): number {
  const options = { address: '127.0.0.1', port: 0, freeBind: false, receiveBuffer: 2 ** 16 }
  return bindUdp(library, options)
}

function loopOf(program: Program): unknown {
  return (program.func('void *uv_default_loop()') as () => unknown)()
}
