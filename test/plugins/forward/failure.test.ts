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

test('failureText() says of certificates and alerts what Go says', () => {
  const said = (code: string): string =>
    text({ transport: Transport.Tls, result: Result.Untrusted, code, sent: false })
  const where = 'dial tcp 10.0.0.1:53: '
  const x509 = `${where}tls: failed to verify certificate: x509: `
  assert.equal(
    said('DEPTH_ZERO_SELF_SIGNED_CERT'),
    `${x509}certificate signed by unknown authority`,
  )
  assert.equal(said('CERT_HAS_EXPIRED'), `${x509}certificate has expired or is not yet valid`)
  assert.equal(
    said('ERR_TLS_CERT_ALTNAME_INVALID'),
    `${x509}certificate is not valid for this name or address`,
  )
  for (const code of [
    'ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED',
    'ERR_SSL_ALERT_CERTIFICATE_REQUIRED',
  ])
    assert.equal(said(code), `${where}remote error: tls: certificate required`)
  assert.equal(said('ERR_SSL_WRONG_VERSION_NUMBER'), `${where}ssl wrong version number`)
  assert.equal(said('CERT_REVOKED'), `${where}tls: cert revoked`)
  assert.equal(said('EPROTO'), `${where}tls: eproto`)
})

test('failureEde() tells the client the kind of failure', () => {
  assert.equal(failureEde(Result.Timeout), Ede.NoReachableAuthority)
  assert.equal(failureEde(Result.Invalid), Ede.InvalidData)
  for (const result of [Result.Untrusted, Result.Refused, Result.Closed, Result.Unreachable]) {
    assert.equal(failureEde(result), Ede.NetworkError)
  }
})
