import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { describe, test } from 'node:test'

import { isPortShared } from '../../src/net/shared-port.ts'
import { without } from './clients.ts'

describe('isPortShared()', () => {
  for (const host of ['127.0.0.1', '127.0.0.77', '::1', '']) {
    test(
      `finds a listener on '${host}', and no other`,
      { skip: without(host || '::') },
      async (t) => {
        const server = createServer().listen(host === '' ? { port: 0 } : { port: 0, host })
        await once(server, 'listening')
        t.after(() => void server.close())
        const { port } = server.address() as { port: number }
        const found = ['127.0.0.1', '127.0.0.77', '0:0:0:0:0:0:0:1', ''].map((one) =>
          isPortShared(one, port),
        )
        const expected = ['127.0.0.1', '127.0.0.77', '::1', ''].map((one) => one === host)
        assert.deepEqual(found, expected)
      },
    )
  }

  test('reads the table of its own family alone', () => {
    for (const [host, table] of [
      ['192.0.2.1', '/proc/net/tcp'],
      ['2001:db8::1', '/proc/net/tcp6'],
      ['', '/proc/net/tcp6'],
    ] as const) {
      const files: string[] = []
      isPortShared(host, 53, (file) => {
        files.push(file)
        return []
      })
      assert.deepEqual(files, [table])
    }
  })

  test('says no where the kernel shows no table', () => {
    const unreadable = (): string[] => {
      throw new Error('ENOENT')
    }
    assert.equal(isPortShared('127.0.0.1', 53, unreadable), false)
  })
})
