import assert from 'node:assert/strict'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { test, type TestContext } from 'node:test'
import { type CheckedListener, ListenerChecks } from '../../src/daemon/listener-checks.ts'
import { freePort } from '../helpers/ports.ts'

/** A listener that answers, over UDP at least; it counts who asks it over TCP. */
class Fake implements CheckedListener {
  readonly host = '127.0.0.1'
  port = 0
  waiting: number | null = 0
  overTcp = 0
  answers = true

  unaccepted(): number | null {
    return this.waiting
  }

  static async open(t: TestContext): Promise<Fake> {
    const fake = new Fake()
    fake.port = await freePort()
    const datagrams = createSocket('udp4')
    datagrams.on('message', (query, from) => {
      datagrams.send(notImplemented(query), from.port, from.address)
    })
    datagrams.bind(fake.port, '127.0.0.1')
    await once(datagrams, 'listening')
    const streams = createServer((socket) => {
      fake.overTcp++
      socket.on('error', () => {})
      socket.on('data', (query) => {
        const reply = notImplemented(query.subarray(2))
        if (fake.answers) socket.write(Buffer.concat([query.subarray(0, 2), reply]))
        else socket.destroy()
      })
    }).listen(fake.port, '127.0.0.1')
    await once(streams, 'listening')
    t.after(() => {
      datagrams.close()
      streams.close()
    })
    return fake
  }
}

function notImplemented(query: Buffer): Buffer {
  const reply = Buffer.from(query)
  reply.writeUInt16BE(0x9004, 2)
  return reply
}

test('who is well is asked over TCP each five seconds; who comes is asked at once', async (t) => {
  const [first, second] = [await Fake.open(t), await Fake.open(t)]
  const checks = new ListenerChecks()
  for (let now = 0; now < 10_000; now += 1_000) {
    const listeners = now < 2_000 ? [first] : [first, second]
    assert.equal(await checks.check(listeners, now, false, 'us'), null)
  }
  assert.deepEqual([first.overTcp, second.overTcp], [2, 2])
})

test('what the kernel tells of a listener makes it doubtful at once', async (t) => {
  const fake = await Fake.open(t)
  const checks = new ListenerChecks()
  let now = 0
  const asked = async (waiting: number | null): Promise<number> => {
    const before = fake.overTcp
    fake.waiting = waiting
    assert.equal(await checks.check([fake], (now += 100), false, 'us'), null)
    return fake.overTcp - before
  }
  assert.equal(await asked(0), 1, 'unknown')
  assert.equal(await asked(0), 0)
  assert.equal(await asked(3), 0, 'connections may have just come')
  assert.equal(await asked(1), 1, 'nobody accepts them')
  assert.equal(await asked(0), 0)
  assert.equal(await asked(1), 0)
  assert.equal(await asked(0), 0)
  assert.equal(await asked(null), 1, 'nobody listens')
})

test('who fails over TCP is asked in each check until it answers', async (t) => {
  const fake = await Fake.open(t)
  const checks = new ListenerChecks()
  const check = (now: number): Promise<string | null> => checks.check([fake], now, false, 'us')
  assert.equal(await check(0), null)
  fake.answers = false
  assert.equal(await check(1_000), null)
  const problem = `dns://127.0.0.1:${fake.port} does not answer over TCP`
  for (const now of [5_000, 6_000, 7_000]) assert.equal(await check(now), problem)
  fake.answers = true
  assert.equal(await check(8_000), null)
  assert.equal(fake.overTcp, 5)
})
