import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import { socketsOn } from '../../src/sys/socket-table.ts'

/** As the kernel prints it, with the header and with addresses of port 53, 5353 and 21248 (0x5300). */
const tables: Readonly<Record<string, string>> = {
  '/proc/net/udp': `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops
  104: 0A00600A:0035 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 4711 2 00000000 0
  105: 0100007F:0035 0100007F:D431 01 00000000:00000000 00:00000000 00000000     0        0 4712 2 00000000 0
  106: 0A00600A:14E9 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 4713 2 00000000 0
`,
  '/proc/net/tcp6': `  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 960000FD00000000000000000A000000:0035 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4714 1 0
   1: 00000000000000000000000000000000:0035 00000000000000000000000000000000:5300 01 00000000:00000000 00:00000000 00000000     0        0 4715 1 0
`,
}

function read(file: string): string {
  const text = tables[file]
  if (text === undefined) throw new Error('ENOENT')
  return text
}

describe('socketsOn()', () => {
  test('lists the sockets of a port, servers or not', () => {
    assert.deepEqual(socketsOn('udp', 53, read), [
      { address: '10.96.0.10', inode: '4711', isServer: true },
      { address: '127.0.0.1', inode: '4712', isServer: false },
    ])
  })

  test('reads IPv6 addresses', () => {
    assert.deepEqual(socketsOn('tcp6', 53, read), [
      { address: 'fd00:96::a', inode: '4714', isServer: true },
      { address: '::', inode: '4715', isServer: false },
    ])
  })

  test('lists none where the kernel shows no table', () => {
    assert.deepEqual(socketsOn('tcp', 53, read), [])
  })
})
