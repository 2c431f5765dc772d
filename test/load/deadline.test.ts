import assert from 'node:assert/strict'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { test } from 'node:test'
import { blockFor } from '../../src/lib/clock.ts'
import { Deadline } from '../../src/load/deadline.ts'

test('what has arrived while the event loop was held up is read before the time is up', async (t) => {
  const order: string[] = []
  const receiver = createSocket('udp4')
  const sender = createSocket('udp4')
  t.after(() => {
    receiver.close()
    sender.close()
  })
  receiver.bind(0, '127.0.0.1')
  await once(receiver, 'listening')
  receiver.on('message', () => order.push('answer'))
  sender.connect(receiver.address().port, '127.0.0.1')
  await once(sender, 'connect')
  await new Promise<void>((resolve) => {
    new Deadline().set(1, () => {
      order.push('deadline')
      resolve()
    })
    sender.send('x', () => blockFor(10))
    blockFor(5)
  })
  assert.deepEqual(order, ['answer', 'deadline'])
})

test('set anew or cleared, it does not fire', async () => {
  const deadline = new Deadline()
  deadline.set(1, () => assert.fail('set anew'))
  await new Promise<void>((resolve) => {
    deadline.set(2, resolve)
  })
  deadline.set(1, () => assert.fail('cleared'))
  deadline.clear()
  blockFor(5)
  await new Promise(setImmediate)
  await new Promise(setImmediate)
})
