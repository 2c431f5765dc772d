import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'

import {
  encode,
  HandoverError,
  MAX_SOCKETS,
  readSockets,
  readHello,
  readRefusal,
} from '../../../src/host/handover/protocol.ts'

test('reads what it writes', () => {
  const hello = { protocol: 3, pid: 0 }
  assert.deepEqual(readHello(encode(hello)), hello)
  const estate = {
    pid: 12,
    tun: true,
    sockets: [
      { kind: 'udp', host: 'fe80::1%eth0', port: 53 },
      { kind: 'http', host: '', port: 65_535 },
    ] as const,
  }
  assert.deepEqual(readSockets(encode(estate)), estate)
  const refusal = { reason: 'busy', protocol: 3 }
  assert.deepEqual(readRefusal(encode(refusal)), refusal)
})

test('a later version may say more than this one knows', () => {
  assert.deepEqual(readHello(Buffer.from('{"protocol":2,"pid":1,"more":[1]}')).protocol, 2)
})

test('property: whatever comes is understood or refused', () => {
  const payload = fc.oneof(
    fc.string().map((text) => Buffer.from(text)),
    fc.json().map((text) => Buffer.from(text)),
    fc
      .record({
        protocol: fc.anything(),
        pid: fc.anything(),
        tun: fc.anything(),
        sockets: fc.oneof(fc.anything(), fc.array(fc.anything())),
      })
      .map((value) => Buffer.from(JSON.stringify(value) ?? '')),
  )
  fc.assert(
    fc.property(payload, (bytes) => {
      for (const read of [readHello, readSockets, readRefusal]) {
        try {
          read(bytes)
        } catch (error) {
          assert.ok(error instanceof HandoverError, String(error))
        }
      }
    }),
  )
})

test('a list of too many sockets, and impossible ports, are refused', () => {
  const estate = (port: unknown, count = 1): Buffer => {
    const sockets = Array.from({ length: count }, () => ({ kind: 'udp', host: '', port }))
    return Buffer.from(JSON.stringify({ pid: 1, tun: false, sockets }))
  }
  assert.equal(readSockets(estate(53, MAX_SOCKETS)).sockets.length, MAX_SOCKETS)
  for (const bad of [estate(53, MAX_SOCKETS + 1), estate(65_536), estate(-1), estate('53')]) {
    assert.throws(() => readSockets(bad), HandoverError)
  }
})
