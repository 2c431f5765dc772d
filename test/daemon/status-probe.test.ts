import assert from 'node:assert/strict'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { type TestContext, test } from 'node:test'
import { checkListeners, isStatusProbe } from '../../src/daemon/status-probe.ts'
import { freePort } from '../helpers/ports.ts'

/** A server that answers each transport as told: with NOTIMP, with something else, or not at all. */
async function serve(
  t: TestContext,
  udp: number | null,
  tcp: number | null,
  see: (query: Buffer) => void = () => {},
): Promise<number> {
  const port = await freePort()
  const datagrams = createSocket('udp4')
  datagrams.on('message', (query, from) => {
    see(query)
    if (udp !== null) datagrams.send(reply(query, udp), from.port, from.address)
  })
  datagrams.bind(port, '127.0.0.1')
  await once(datagrams, 'listening')
  const streams = createServer((socket) => {
    socket.on('error', () => {})
    socket.on('data', (query) => {
      see(query.subarray(2))
      if (tcp === null) socket.destroy()
      else socket.write(Buffer.concat([query.subarray(0, 2), reply(query.subarray(2), tcp)]))
    })
  }).listen(port, '127.0.0.1')
  await once(streams, 'listening')
  t.after(() => {
    datagrams.close()
    streams.close()
  })
  return port
}

const notImplemented = 0x9004
const refused = 0x9005

/** The query with other flags. */
function reply(query: Buffer, flags: number): Buffer {
  const out = Buffer.from(query)
  out.writeUInt16BE(flags, 2)
  return out
}

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

test('an address of which this machine is deprived is a problem, unless it may still come', async () => {
  const absent = { host: '192.0.2.1', port: 53 }
  const problem = 'dns://192.0.2.1:53: no interface has this address now'
  assert.equal(await checkListeners([absent]), problem)
  assert.equal(await checkListeners([absent], true), null)
})

test('an answer of somebody else counts, unless an address is intercepted', async (t) => {
  const at = { host: '127.0.0.1', port: await serve(t, notImplemented, notImplemented) }
  assert.equal(await checkListeners([at], false), null)
  const answered = `dns://127.0.0.1:${at.port} is answered by another process over UDP`
  assert.equal(await checkListeners([at], true), answered)
})

test('where queries may lead elsewhere, only a probe that came here and is not answered counts', async (t) => {
  // A server that closes the connection of a question that is none, as nsd does.
  const closing = { host: '127.0.0.1', port: await serve(t, refused, null) }
  assert.match((await checkListeners([closing], true, 'neighbour')) ?? '', /does not answer over/)
  assert.equal(await checkListeners([closing], true, 'anybody'), null)
  const see = (wire: Buffer): void => void isStatusProbe({ wire, length: wire.length })
  const seeing = { host: '127.0.0.1', port: await serve(t, notImplemented, null, see) }
  const problem = `dns://127.0.0.1:${seeing.port} does not answer over TCP`
  assert.equal(await checkListeners([seeing], true, 'anybody'), problem)
})

test('a probe under way is known by its id, and by nothing else', async (t) => {
  const known: boolean[] = []
  const port = await serve(t, notImplemented, notImplemented, (wire) => {
    const stranger = Buffer.from(wire)
    stranger.writeUInt16BE(wire.readUInt16BE(0) ^ 0x8000, 0)
    const longer = Buffer.concat([wire, wire])
    for (const query of [stranger, longer, wire]) {
      known.push(isStatusProbe({ wire: query, length: query.length }))
    }
  })
  assert.equal(await checkListeners([{ host: '127.0.0.1', port }], true), null)
  assert.deepEqual(known, [false, false, true, false, false, true])
})

test('of two listeners one that may be absent does not speak for the other', async () => {
  const mute = { host: '127.0.0.1', port: await freePort() }
  const absent = { host: '192.0.2.1', port: 53 }
  assert.match((await checkListeners([absent, mute], true)) ?? '', /does not answer over/)
})

test('no listener at all is not well', async () => {
  assert.equal(await checkListeners([]), 'no listener is open')
  const port = await freePort()
  assert.match((await checkListeners([{ host: '127.0.0.1', port }]))!, /does not answer over/)
})
