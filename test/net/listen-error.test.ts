import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import { listenError } from '../../src/net/listen-error.ts'
import { SyscallError } from '../../src/sys/socket.ts'

describe('listenError()', () => {
  test('names the address and the remedy', () => {
    const { message, code } = listenError('udp', '::1', 53, new SyscallError('bind', 98))
    assert.equal(code, 'EADDRINUSE')
    assert.equal(
      message,
      'ListenPacket: listen udp [::1]:53: bind: address already in use ' +
        '("ss -lnpu sport = :53" names the program that holds it)',
    )
  })

  const texts = [
    [13, 'bind', 'bind: permission denied (ports below 1024 need CAP_NET_BIND_SERVICE)'],
    [
      97,
      'socket',
      'socket: address family not supported by protocol ' +
        '(the kernel runs without this address family: take the address out of bind)',
    ],
    [24, 'socket', 'socket: too many open files (raise the limit of open files: "ulimit -n")'],
    [22, 'bind', 'bind: invalid argument'],
  ] as const
  for (const [errno, syscall, text] of texts) {
    test(`says: ${text}`, () => {
      const { message } = listenError('tcp', '', 53, new SyscallError(syscall, errno))
      assert.equal(message, `Listen: listen tcp :53: ${text}`)
    })
  }

  test('keeps the words of any other error', () => {
    const error = listenError('tcp', '192.0.2.1', 53, new Error('out of luck'))
    assert.equal(error.code, 'E_LISTEN')
    assert.equal(error.message, 'Listen: listen tcp 192.0.2.1:53: bind: out of luck')
    assert.match(listenError('tcp', '', 53, 'odd').message, /bind: odd$/)
  })
})
