import assert from 'node:assert/strict'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { describe, test } from 'node:test'

import { dgramSockets } from '../../src/load/sockets-dgram.ts'
import { libcSockets } from '../../src/load/sockets-libc.ts'
import { libc as loadedLibc } from '../../src/sys/libc.ts'

const { libc, reason } = loadedLibc()
const kinds = [
  { name: 'of the C library', sockets: libc === null ? null : libcSockets(libc) },
  { name: 'of Node.js', sockets: dgramSockets },
]

for (const { name, sockets } of kinds) {
  describe(`sockets ${name}`, { skip: sockets === null && reason }, () => {
    test('ask from the address they are given', async (t) => {
      const server = createSocket('udp4').bind(0, '127.0.0.1')
      t.after(() => server.close())
      await once(server, 'listening')
      const owner = { message: () => {}, failed: (code: string) => assert.fail(code) }
      const { port } = server.address()
      const client = sockets!.connect({ host: '127.0.0.1', port }, owner, '127.0.0.7')
      t.after(() => client.close())
      client.send([Buffer.from('question')], null)
      const [message, sender] = (await once(server, 'message')) as [Buffer, { address: string }]
      assert.deepEqual([message.toString(), sender.address], ['question', '127.0.0.7'])
    })

    test('tell that an address is none of this host', async (t) => {
      const code = await new Promise<string>((resolve) => {
        const owner = { message: () => {}, failed: resolve }
        const client = sockets!.connect({ host: '127.0.0.1', port: 9 }, owner, '192.0.2.1')
        t.after(() => client.close())
      })
      assert.equal(code, 'EADDRNOTAVAIL')
    })
  })
}
