import assert from 'node:assert/strict'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import { describe, test, type TestContext } from 'node:test'
import { libc } from '../../src/sys/libc.ts'
import { askSelf } from '../../src/upstream/ask-self.ts'
import { isAbsent } from '../../src/upstream/ask.ts'
import { freePort } from '../helpers/ports.ts'

const system = libc().libc!
const query = Buffer.from('123410000000000000000000', 'hex')
const answer = Buffer.from('123490040000000000000000', 'hex')
const framed = (message: Buffer): Buffer =>
  Buffer.concat([Buffer.from([0, message.length]), message])

async function udp(t: TestContext, replies: readonly Buffer[]): Promise<number> {
  const server = createSocket('udp4')
  server.on('message', (_query, from) => {
    for (const reply of replies) server.send(reply, from.port, from.address)
  })
  server.bind(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => void server.close())
  return server.address().port
}

async function tcp(t: TestContext, serve: (socket: Socket) => void): Promise<number> {
  const server = createServer((socket) => {
    socket.on('error', () => {})
    serve(socket)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => void server.close())
  return (server.address() as { port: number }).port
}

const over = (protocol: 'udp' | 'tcp', port: number, host = '127.0.0.1'): Promise<Buffer> =>
  askSelf(system, { protocol, host, port }, query)

describe('askSelf()', { concurrency: true }, () => {
  test('passes over datagrams that are no answer', async (t) => {
    const other = Buffer.from(answer)
    other[0] = 0x99
    const port = await udp(t, [Buffer.alloc(0), answer.subarray(0, 11), query, other, answer])
    assert.deepEqual(await over('udp', port), answer)
  })

  test('reads an answer over TCP however it comes', async (t) => {
    const port = await tcp(t, (socket) => {
      socket.once('data', (asked) => {
        assert.deepEqual(asked, framed(query))
        const bytes = framed(answer)
        socket.setNoDelay(true)
        socket.write(bytes.subarray(0, 1))
        setImmediate(() => {
          socket.write(bytes.subarray(1, 7))
          setTimeout(() => socket.write(bytes.subarray(7)), 20)
        })
      })
    })
    assert.deepEqual(await over('tcp', port), answer)
  })

  test('rejects where nobody listens, where the address is absent, and where it is none', async () => {
    const port = await freePort()
    for (const protocol of ['udp', 'tcp'] as const) {
      await assert.rejects(over(protocol, port), { code: 'ECONNREFUSED' })
      await assert.rejects(over(protocol, port, '192.0.2.1'), (error) => isAbsent(error))
      await assert.rejects(over(protocol, port, 'localhost'), { code: 'EINVAL' })
    }
  })

  test('rejects where TCP closes, or answers something else', async (t) => {
    const closing = await tcp(t, (socket) => socket.once('data', () => socket.end()))
    await assert.rejects(over('tcp', closing), /the connection closed/)
    const wrong = await tcp(t, (socket) => {
      const other = Buffer.from(answer)
      other[1] = 0x99
      socket.once('data', () => socket.write(framed(other)))
    })
    await assert.rejects(over('tcp', wrong), /belongs to another question/)
    const endless = await tcp(t, (socket) => {
      socket.once('data', () => socket.write(Buffer.alloc(5_000, 0xff)))
    })
    await assert.rejects(over('tcp', endless), /belongs to another question|closed/)
  })

  test('gives up who says nothing, and leaves no descriptor behind', async (t) => {
    const silent = await udp(t, [])
    const mute = await tcp(t, () => {})
    const both = [over('udp', silent), over('tcp', mute)]
    for (const one of both) await assert.rejects(one, /no answer in time/)
    const again = await udp(t, [answer])
    assert.deepEqual(await over('udp', again), answer)
  })
})
