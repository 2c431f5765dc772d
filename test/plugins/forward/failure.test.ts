import assert from 'node:assert/strict'
import { test } from 'node:test'

import { type Failure, failureEde, failureText } from '../../../src/plugins/forward/failure.ts'
import { Result, Transport } from '../../../src/upstream/counters.ts'
import { Ede } from '../../../src/wire/codes.ts'

const text = (failure: Partial<Failure>): string =>
  failureText({
    upstream: '10.0.0.1:53',
    local: '',
    transport: Transport.Tcp,
    result: Result.Timeout,
    code: null,
    sent: true,
    ...failure,
  })

test('failureText() says what Go would say', () => {
  const udp = { transport: Transport.Udp }
  assert.equal(text({}), 'read tcp 10.0.0.1:53: i/o timeout')
  assert.equal(text({ ...udp, sent: false }), 'read udp 10.0.0.1:53: i/o timeout')
  assert.equal(text({ sent: false }), 'dial tcp 10.0.0.1:53: i/o timeout')
  const refused = { result: Result.Refused, code: 'ECONNREFUSED' }
  assert.equal(text({ ...refused, ...udp }), 'read udp 10.0.0.1:53: read: connection refused')
  const local = '10.0.0.7:4242'
  assert.equal(
    text({ ...refused, ...udp, local }),
    'read udp 10.0.0.7:4242->10.0.0.1:53: read: connection refused',
  )
  assert.equal(text({ ...udp, local }), 'read udp 10.0.0.7:4242->10.0.0.1:53: i/o timeout')
  assert.equal(
    text({ ...udp, result: Result.Unreachable, code: 'ENETUNREACH', sent: false }),
    'dial udp 10.0.0.1:53: connect: network is unreachable',
  )
  assert.equal(
    text({ ...refused, sent: false }),
    'dial tcp 10.0.0.1:53: connect: connection refused',
  )
  const closed = { result: Result.Closed }
  assert.equal(text(closed), 'read tcp 10.0.0.1:53: EOF')
  assert.equal(
    text({ ...closed, code: 'ECONNRESET' }),
    'read tcp 10.0.0.1:53: connection reset by peer',
  )
  const unreachable = { result: Result.Unreachable, sent: false }
  assert.equal(
    text({ ...unreachable, code: 'ENETUNREACH' }),
    'dial tcp 10.0.0.1:53: connect: network is unreachable',
  )
  assert.equal(text({ ...unreachable, code: 'EODD' }), 'dial tcp 10.0.0.1:53: connect: EODD')
  assert.equal(text({ ...unreachable, ...udp }), 'read udp 10.0.0.1:53: too many queries under way')
  assert.equal(text({ result: Result.Invalid }), 'read tcp 10.0.0.1:53: broken reply')
})

test('failureEde() tells the client the kind of failure', () => {
  assert.equal(failureEde(Result.Timeout), Ede.NoReachableAuthority)
  assert.equal(failureEde(Result.Invalid), Ede.InvalidData)
  for (const result of [Result.Refused, Result.Closed, Result.Unreachable]) {
    assert.equal(failureEde(result), Ede.NetworkError)
  }
})
