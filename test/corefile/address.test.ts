import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { ipAddress, listenAddress } from '../../src/corefile/address.ts'
import { messageOf, token } from './support.ts'

const at = '/etc/Corefile:1 - '

describe('listenAddress()', () => {
  const good = [
    [':9253', ':9253'],
    ['127.0.0.1:8080', '127.0.0.1:8080'],
    ['[fd00::1]:0', '[fd00::1]:0'],
    ['[localhost]:65535', 'localhost:65535'],
  ] as const
  for (const [text, address] of good) {
    test(`reads ${text}`, () => assert.equal(listenAddress(token(text), assert.fail), address))
  }

  test('takes a port that is missing for any, and warns', () => {
    const warnings: string[] = []
    assert.equal(
      listenAddress(token('a:'), (line) => warnings.push(line)),
      'a:0',
    )
    assert.deepEqual(warnings, [`${at}'a:' has no port: the kernel chooses one that nobody knows`])
  })

  const bad = [
    ['', 'missing port in address'],
    ['8080', 'missing port in address'],
    ['[::1]', 'missing port in address'],
    ['a:http', 'invalid port'],
    ['a:65536', 'invalid port'],
    ['a:-1', 'invalid port'],
  ] as const
  for (const [text, reason] of bad) {
    test(`rejects "${text}"`, () => {
      assert.equal(
        messageOf(() => listenAddress(token(text), assert.fail)),
        `${at}address ${text}: ${reason}`,
      )
    })
  }
})

test('ipAddress() takes an address as written and nothing else', () => {
  assert.equal(ipAddress(token('FD00::1')), 'FD00::1')
  assert.equal(
    messageOf(() => ipAddress(token('<nil>'))),
    `${at}not an IP address: "<nil>"`,
  )
})
