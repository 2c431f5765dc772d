import assert from 'node:assert/strict'
import { appendFileSync, copyFileSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { tls } from '../../../src/plugins/tls/index.ts'
import { readConfig } from '../../../src/plugins/tls/config.ts'
import { type Material, readMaterial } from '../../../src/plugins/tls/material.ts'
import { renewals } from '../../../src/plugins/tls/metrics.ts'
import { Renewal } from '../../../src/plugins/tls/renewal.ts'
import { type Certificates, makeCertificates, selfSigned } from '../../helpers/certificates.ts'
import { requireTools } from '../../helpers/debian.ts'
import { directivesOf } from '../../helpers/directives.ts'
import { testBlock } from '../../helpers/services.ts'
import { RecordedLog } from '../../telemetry/block.ts'

const all = { cert: 'c.pem', key: 'k.pem', ca: null, clientAuth: 'nocert', keylog: null }

describe('the directive', () => {
  const accepted: readonly [body: string, config: object][] = [
    ['tls c.pem k.pem', {}],
    ['tls c.pem k.pem a.pem', { ca: 'a.pem' }],
    ['tls c.pem k.pem {\n}', {}],
    ...(['nocert', 'request', 'require', 'verify_if_given', 'require_and_verify'] as const).map(
      (word): [string, object] => [
        `tls c.pem k.pem a.pem {\n client_auth ${word}\n}`,
        { ca: 'a.pem', clientAuth: word },
      ],
    ),
    ['tls c.pem k.pem {\n keylog keys.log\n}', { keylog: 'keys.log' }],
    ['tls c.pem k.pem {\n client_auth require\n client_auth request\n}', { clientAuth: 'request' }],
  ]
  for (const [body, config] of accepted) {
    test(`reads ${JSON.stringify(body)}`, () => {
      assert.deepEqual(readConfig(directivesOf('tls', body)), { ...all, ...config })
    })
  }

  const refused: readonly [body: string, message: RegExp][] = [
    ['tls', /^plugin\/tls: Corefile:2 - Error during parsing: ACME is not supported/],
    ['tls {\n acme dns.test\n}', /ACME is not supported/],
    ['tls c.pem', /Wrong argument count or unexpected line ending after 'c.pem'/],
    ['tls a b c d', /Wrong argument count or unexpected line ending after 'd'/],
    [
      'tls c k a {\n unknown\n}',
      /^plugin\/tls: Corefile:3 - Error during parsing: unknown option 'unknown'/,
    ],
    ['tls c k a {\n client_auth\n}', /Wrong argument count .* after 'client_auth'/],
    ['tls c k a {\n client_auth none bogus\n}', /Wrong argument count .* after 'bogus'/],
    ['tls c k a {\n client_auth bogus\n}', /unknown authentication type 'bogus'/],
    ['tls c k a {\n client_auth NOCERT\n}', /unknown authentication type 'NOCERT'/],
    ['tls c k {\n keylog\n}', /Wrong argument count .* after 'keylog'/],
    ['tls c k {\n keylog a b\n}', /Wrong argument count .* after 'b'/],
    [
      'tls c k\ntls c k',
      /^plugin\/tls: Corefile:3 - Error during parsing: TLS already configured for this server/,
    ],
  ]
  for (const [body, message] of refused) {
    test(`refuses ${JSON.stringify(body)}`, () => {
      assert.throws(() => readConfig(directivesOf('tls', body)), { message })
    })
  }
})

describe('the files', { skip: requireTools('openssl') }, () => {
  test('of a bad directive are named with file and line', (t) => {
    const made = makeCertificates(t)
    const junk = join(made.folder, 'junk')
    writeFileSync(junk, 'no PEM\n')
    mkdirSync(join(made.folder, 'folder'))
    const rows: readonly [args: string, message: RegExp][] = [
      [`${made.folder}/none ${made.key}`, /could not load TLS cert: .*no such file/],
      [`${made.cert} ${made.folder}/none`, /could not load TLS cert: .*no such file/],
      [
        `${junk} ${made.key}`,
        /could not load TLS cert: .* any PEM data in certificate input: .*junk/,
      ],
      [`${made.cert} ${junk}`, /could not load TLS cert: .* any PEM data in key input: .*junk/],
      [`${made.cert} ${made.clientKey}`, /private key does not match public key of/],
      [`${made.cert} ${made.key} ${junk}`, /could not read root certs: none in .*junk/],
      [`${made.cert} ${made.key} ${made.folder}/none`, /error reading .*none: .*no such file/],
      [`${made.folder}/folder ${made.key}`, /could not load TLS cert: is a directory/],
    ]
    for (const [args, message] of rows) {
      const set = (): unknown => tls.setup(directivesOf('tls', `tls ${args}`), testBlock())
      assert.throws(set, { message })
      assert.throws(set, { message: /^Corefile:2 - plugin\/tls: / })
    }
  })

  test('with a broken authority among good ones are refused', (t) => {
    const made = makeCertificates(t)
    appendFileSync(made.ca, '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n')
    const config = readConfig(directivesOf('tls', `tls ${made.cert} ${made.key} ${made.ca}`))
    assert.throws(() => readMaterial(config), /could not read root certs: .*ca\.pem: /)
  })
})

describe('a certificate renewed on disk', { skip: requireTools('openssl') }, () => {
  interface Followed {
    readonly made: Certificates
    readonly renewal: Renewal
    readonly log: RecordedLog
    readonly renewed: Material[]
  }

  function follow(made: Certificates): Followed {
    const config = readConfig(directivesOf('tls', `tls ${made.cert} ${made.key}`))
    const renewed: Material[] = []
    const log = new RecordedLog()
    const certificate = { renew: (material: Material): void => void renewed.push(material) }
    return { made, log, renewed, renewal: new Renewal(config, certificate, log) }
  }

  test('is read when it changes, and only then', (t) => {
    const { made, renewal, renewed, log } = follow(makeCertificates(t))
    renewal.look()
    assert.equal(renewed.length, 0)
    const { good } = renewals
    const other = selfSigned(made.folder, 'other')
    copyFileSync(other.cert, made.cert)
    copyFileSync(other.key, made.key)
    renewal.look()
    renewal.look()
    assert.equal(renewed.length, 1)
    assert.equal(renewals.good, good + 1)
    assert.match(log.texts.join('\n'), /new certificate from .*server\.pem/)
  })

  test('that cannot be used is said once, and a good one after it is taken', (t) => {
    const { made, renewal, renewed, log } = follow(makeCertificates(t))
    const { failed } = renewals
    const other = selfSigned(made.folder, 'other')
    copyFileSync(other.cert, made.cert)
    renewal.look()
    renewal.look()
    rmSync(made.key)
    renewal.look()
    renewal.look()
    assert.equal(renewed.length, 0)
    assert.equal(log.lines.length, 2)
    assert.equal(renewals.failed, failed + 2)
    assert.match(
      log.texts[0] ?? '',
      /does not match public key of .*the certificate read .* before goes on/,
    )
    copyFileSync(other.key, made.key)
    renewal.look()
    assert.equal(renewed.length, 1)
  })
})
