import assert from 'node:assert/strict'
import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import test, { type TestContext } from 'node:test'

import { claimPort, firstAnswer, isAnswer, probeQuery } from '../../bench/probe.ts'
import { freePort } from '../helpers/ports.ts'

const never = new AbortController().signal

/** What a server makes of a query: QR, the response code, one answer or none. */
function reply(query: Buffer, rcode: number, answers: number): Buffer {
  const message = Buffer.from(query)
  message.writeUInt8(0x80 | message.readUInt8(2), 2)
  message.writeUInt8(rcode, 3)
  message.writeUInt16BE(answers, 6)
  return message
}

async function listen(t: TestContext): Promise<[Socket, number]> {
  const socket = createSocket('udp4').bind(0, '127.0.0.1')
  t.after(() => socket.close())
  await once(socket, 'listening')
  return [socket, socket.address().port]
}

test('probeQuery() is a recursive A query for a name of the zone', () => {
  const query = probeQuery(0x1234)
  assert.equal(query.subarray(0, 12).toString('hex'), '123401000001000000000000')
  assert.equal(query.subarray(12).toString('latin1'), '\x05ready\x05bench\x04test\0\0\x01\0\x01')
})

test('isAnswer() wants a response without an error and with a record', () => {
  const query = probeQuery(1)
  assert.equal(isAnswer(query), false)
  assert.equal(isAnswer(query.subarray(0, 11)), false)
  assert.equal(isAnswer(reply(query, 2, 1)), false)
  assert.equal(isAnswer(reply(query, 0, 0)), false)
  assert.equal(isAnswer(reply(query, 0, 1)), true)
})

test('firstAnswer() goes on after a SERVFAIL', async (t) => {
  const [socket, port] = await listen(t)
  let queries = 0
  socket.on('message', (query, { port: client, address }) => {
    queries++
    socket.send(reply(query, queries < 3 ? 2 : 0, 1), client, address)
  })
  await firstAnswer(port, never)
  assert.ok(queries >= 3)
})

test('firstAnswer() survives a closed port until it is told to stop', async () => {
  const port = await freePort()
  const stop = new AbortController()
  const waiting = firstAnswer(port, stop.signal)
  const after = createSocket('udp4').bind(port, '127.0.0.1')
  await once(after, 'message')
  after.close()
  stop.abort()
  await assert.rejects(waiting, { name: 'AbortError' })
})

test('claimPort() names a port that is in use, and leaves a free one free', async (t) => {
  const [, port] = await listen(t)
  await assert.rejects(claimPort(port), new Error(`Cannot use port ${port}: EADDRINUSE`))
  const free = await freePort()
  await claimPort(free)
  await claimPort(free)
})
