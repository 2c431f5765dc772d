import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { describe, test } from 'node:test'
import { connect as connectTls } from 'node:tls'

import type { Secure } from '../../../src/lib/secure.ts'
import { Certificate } from '../../../src/plugins/tls/certificate.ts'
import { makeCertificates } from '../../helpers/certificates.ts'
import type { Owner } from '../../helpers/processes.ts'

function secureOf(owner: Owner): Secure {
  const made = makeCertificates(owner)
  const [cert, key] = [made.cert, made.key].map((path) => readFileSync(path, 'utf8')) as [
    string,
    string,
  ]
  const plain = { clientAuth: 'nocert', keylog: null } as const
  return new Certificate({ cert, key, ca: null }, plain, Buffer.alloc(48)).secure(['dot'])
}

/** Connections that are accepted and not read from, as many as `come`. */
async function accepted(
  owner: Owner,
  count: number,
  come: (port: number) => void,
): Promise<Socket[]> {
  const sockets: Socket[] = []
  const server = createServer({ pauseOnConnect: true, allowHalfOpen: true })
  const all = new Promise<void>((resolve) => {
    server.on('connection', (socket) => {
      sockets.push(socket)
      if (sockets.length === count) resolve()
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  owner.after(() => void server.close())
  come((server.address() as AddressInfo).port)
  await all
  return sockets
}

function shake(secure: Secure, socket: Socket): Promise<Socket | null> {
  return new Promise((resolve) => secure.handshake(socket, resolve))
}

describe('Certificate', () => {
  test('each of those who are gone before their handshake is told of', async (t) => {
    const clients: Socket[] = []
    const sockets = await accepted(t, 3, (port) => {
      for (let i = 0; i < 3; i++) clients.push(connect(port, '127.0.0.1'))
    })
    for (const client of clients) client.resetAndDestroy()
    await Promise.all(clients.map((client) => once(client, 'close')))
    const secure = secureOf(t)
    const streams = await Promise.all(sockets.map((socket) => shake(secure, socket)))
    assert.deepEqual(streams, [null, null, null])
  })

  test('who is reset right behind it has no stream, and that is no error of ours', async (t) => {
    const ended = Promise.withResolvers<unknown>()
    const [socket] = await accepted(t, 1, (port) => {
      const client = connectTls({ host: '127.0.0.1', port, rejectUnauthorized: false })
      client.on('error', () => {}).on('close', ended.resolve)
    })
    // What the kernel says of the other end is another thing now than when the handshake is over.
    Object.defineProperty(socket, 'remoteAddress', { value: '192.0.2.1' })
    assert.equal(await shake(secureOf(t), socket!), null)
    await ended.promise
  })
})
