import assert from 'node:assert/strict'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import { test, type TestContext } from 'node:test'
import { ask, type Destination, isAbsent, reachable } from '../../src/upstream/ask.ts'
import { freePort } from '../helpers/ports.ts'
import { message } from '../wire/message.ts'

const query = message({ id: 7, flags: 0x0100 })
const answer = message({ id: 7, flags: 0x8182 })

function target(protocol: 'udp' | 'tcp', port: number): Destination {
  return { protocol, host: '127.0.0.1', port }
}

/** Answers each query with all of `replies`. */
async function serveUdp(t: TestContext, ...replies: readonly Buffer[]): Promise<Destination> {
  const socket = createSocket('udp4').bind(0, '127.0.0.1')
  t.after(() => socket.close())
  await once(socket, 'listening')
  socket.on('message', (received, { port }) => {
    assert.deepEqual(received, query)
    for (const reply of replies) socket.send(reply, port, '127.0.0.1')
  })
  return target('udp', socket.address().port)
}

async function serveTcp(t: TestContext, react: (connection: Socket) => void): Promise<Destination> {
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
  const at = await serveUdp(t, Buffer.alloc(3), other, query, answer)
  assert.deepEqual(await ask(at, query, { timeoutMs: 2_000 }), answer)
})

test('over UDP a wrong answer is none', async (t) => {
  const wrong = await serveUdp(t, message({ id: 8, flags: 0x8180 }))
  await assert.rejects(ask(wrong, query, { timeoutMs: 50 }), /no answer in time/)
})

test('over TCP the answer may come in pieces', async (t) => {
  const at = await serveTcp(t, (connection) => {
    connection.write(Buffer.concat([Buffer.from([0, answer.length]), answer.subarray(0, 4)]))
    setImmediate(() => connection.write(answer.subarray(4)))
  })
  assert.deepEqual(await ask(at, query, { timeoutMs: 2_000 }), answer)
})

test('over TCP another answer, and an end without one, are failures', async (t) => {
  const wrong = await serveTcp(t, (connection) => {
    connection.write(Buffer.concat([Buffer.from([0, query.length]), query]))
  })
  await assert.rejects(ask(wrong, query, { timeoutMs: 2_000 }), /belongs to another question/)
  const closing = await serveTcp(t, (connection) => connection.end())
  await assert.rejects(ask(closing, query, { timeoutMs: 2_000 }), /connection closed/)
})

for (const protocol of ['udp', 'tcp'] as const) {
  test(`over ${protocol} a closed port is a failure at once`, async () => {
    const closed = target(protocol, await freePort())
    await assert.rejects(ask(closed, query, { timeoutMs: 60_000 }), { code: 'ECONNREFUSED' })
  })

  test(`over ${protocol} silence ends with the time, or the signal`, async (t) => {
    const silent = protocol === 'udp' ? await serveUdp(t) : await serveTcp(t, () => {})
    await assert.rejects(ask(silent, query, { timeoutMs: 20 }), /no answer in time/)
    const ended = new AbortController()
    const asking = ask(silent, query, { timeoutMs: 60_000, signal: ended.signal })
    ended.abort()
    await assert.rejects(asking, /called off/)
    const tooLate = ask(silent, query, { timeoutMs: 60_000, signal: ended.signal })
    await assert.rejects(tooLate, /called off/)
  })
}

for (const protocol of ['udp', 'tcp'] as const) {
  test(`over ${protocol} an address of somebody else is absent, and nothing is sent there`, async () => {
    const elsewhere = { protocol, host: '192.0.2.1', port: 53 }
    await assert.rejects(ask(elsewhere, query, { timeoutMs: 60_000 }), (error) => isAbsent(error))
    const closed = target(protocol, await freePort())
    await assert.rejects(ask(closed, query, { timeoutMs: 60_000 }), (error) => !isAbsent(error))
  })
}

test('an answer that came while the event loop stood still counts', async (t) => {
  const at = await serveUdp(t, answer)
  const asking = ask(at, query, { timeoutMs: 200 })
  const until = performance.now() + 400
  while (performance.now() < until);
  assert.deepEqual(await asking, answer)
})

test('the query leaves from the address it goes to', async (t) => {
  const socket = createSocket('udp4').bind(0, '127.0.0.9')
  t.after(() => socket.close())
  await once(socket, 'listening')
  socket.on('message', (_query, { address, port }) => {
    socket.send(address === '127.0.0.9' ? answer : query, port, address)
  })
  const { port } = socket.address()
  await ask({ protocol: 'udp', host: '127.0.0.9', port }, query, { timeoutMs: 2_000 })
})

test('a wildcard is reached on the loopback address of its family', () => {
  assert.deepEqual(['', '0.0.0.0', '::', '10.0.0.1'].map(reachable), [
    '127.0.0.1',
    '127.0.0.1',
    '::1',
    '10.0.0.1',
  ])
})
