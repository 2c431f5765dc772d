import assert from 'node:assert/strict'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import { test, type TestContext } from 'node:test'
import { ask, type Target } from '../../../src/plugins/loop/probe.ts'
import { freePort } from '../../helpers/ports.ts'
import { message } from '../../wire/message.ts'

const query = message({ id: 7, flags: 0x0100 })
const answer = message({ id: 7, flags: 0x8182 })
const never = new AbortController().signal

function target(protocol: 'udp' | 'tcp', port: number): Target {
  return { protocol, host: '127.0.0.1', port, listener: `:${port}` }
}

/** Answers each query with all of `replies`. */
async function serveUdp(t: TestContext, ...replies: readonly Buffer[]): Promise<Target> {
  const socket = createSocket('udp4').bind(0, '127.0.0.1')
  t.after(() => socket.close())
  await once(socket, 'listening')
  socket.on('message', (received, { port }) => {
    assert.deepEqual(received, query)
    for (const reply of replies) socket.send(reply, port, '127.0.0.1')
  })
  return target('udp', socket.address().port)
}

async function serveTcp(t: TestContext, react: (connection: Socket) => void): Promise<Target> {
  const server = createServer((connection) => {
    connection.on('error', () => {})
    t.after(() => connection.destroy())
    connection.once('data', (frame) => {
      assert.deepEqual(frame, Buffer.concat([Buffer.from([0, query.length]), query]))
      react(connection)
    })
  }).listen(0, '127.0.0.1')
  t.after(() => server.close())
  await once(server, 'listening')
  const address = server.address()
  return target('tcp', typeof address === 'object' ? address!.port : 0)
}

test('over UDP any answer with the id will do, and others are passed over', async (t) => {
  const other = message({ id: 8, flags: 0x8180 })
  await ask(await serveUdp(t, Buffer.alloc(3), other, query, answer), query, 2_000, never)
})

test('over UDP a wrong answer is none', async (t) => {
  const wrong = await serveUdp(t, message({ id: 8, flags: 0x8180 }))
  await assert.rejects(ask(wrong, query, 50, never), /no answer in time/)
})

test('over TCP the answer may come in pieces', async (t) => {
  const at = await serveTcp(t, (connection) => {
    connection.write(Buffer.concat([Buffer.from([0, answer.length]), answer.subarray(0, 4)]))
    setImmediate(() => connection.write(answer.subarray(4)))
  })
  await ask(at, query, 2_000, never)
})

test('over TCP another answer, and an end without one, are failures', async (t) => {
  const wrong = await serveTcp(t, (connection) => {
    connection.write(Buffer.concat([Buffer.from([0, query.length]), query]))
  })
  await assert.rejects(ask(wrong, query, 2_000, never), /belongs to another question/)
  const closing = await serveTcp(t, (connection) => connection.end())
  await assert.rejects(ask(closing, query, 2_000, never), /connection closed/)
})

for (const protocol of ['udp', 'tcp'] as const) {
  test(`over ${protocol} a closed port is a failure at once`, async () => {
    const closed = target(protocol, await freePort())
    await assert.rejects(ask(closed, query, 60_000, never), { code: 'ECONNREFUSED' })
  })

  test(`over ${protocol} silence ends with the time, or the signal`, async (t) => {
    const silent = protocol === 'udp' ? await serveUdp(t) : await serveTcp(t, () => {})
    await assert.rejects(ask(silent, query, 20, never), /no answer in time/)
    const ended = new AbortController()
    const asking = ask(silent, query, 60_000, ended.signal)
    ended.abort()
    await assert.rejects(asking, /the detection has ended/)
  })
}
