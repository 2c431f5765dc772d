import assert from 'node:assert/strict'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { type TestContext, test } from 'node:test'
import { checkListeners } from '../../src/daemon/self-check.ts'
import { freePort } from '../helpers/ports.ts'

/** A server that answers each transport as told: with NOTIMP, with something else, or not at all. */
async function serve(t: TestContext, udp: string | null, tcp: string | null): Promise<number> {
  const port = await freePort()
  const datagrams = createSocket('udp4')
  datagrams.on('message', (_message, from) => {
    if (udp !== null) datagrams.send(Buffer.from(udp, 'hex'), from.port, from.address)
  })
  datagrams.bind(port, '127.0.0.1')
  await once(datagrams, 'listening')
  const streams = createServer((socket) => {
    socket.on('error', () => {})
    socket.on('data', () => {
      if (tcp === null) socket.destroy()
      else socket.write(Buffer.from(`000c${tcp}`, 'hex'))
    })
  }).listen(port, '127.0.0.1')
  await once(streams, 'listening')
  t.after(() => {
    datagrams.close()
    streams.close()
  })
  return port
}

const notImplemented = '4d5a90040000000000000000'
const refused = '4d5a90050000000000000000'

test('a listener that answers by itself over both transports is well', async (t) => {
  const port = await serve(t, notImplemented, notImplemented)
  assert.equal(await checkListeners([{ host: '127.0.0.1', port }]), null)
  assert.equal(await checkListeners([{ host: '', port }]), null)
})

test('the transport that does not answer is named', async (t) => {
  const mute = await serve(t, notImplemented, null)
  const at = { host: '127.0.0.1', port: mute }
  assert.equal(await checkListeners([at]), `dns://127.0.0.1:${mute} does not answer over TCP`)
  const wrong = await serve(t, refused, notImplemented)
  assert.equal(
    await checkListeners([{ host: '127.0.0.1', port: wrong }]),
    `dns://127.0.0.1:${wrong} does not answer over UDP`,
  )
})

test('no listener at all is not well', async () => {
  assert.equal(await checkListeners([]), 'no listener is open')
  const port = await freePort()
  assert.match((await checkListeners([{ host: '127.0.0.1', port }]))!, /does not answer over/)
})
