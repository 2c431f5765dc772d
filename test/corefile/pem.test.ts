import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { readAuthorities, readKeyPair } from '../../src/corefile/pem.ts'
import { makeCertificates, selfSigned } from '../helpers/certificates.ts'

const pem = makeCertificates({ after })
const text = (path: string): string => readFileSync(path, 'utf8')

/** A file with that text. */
function written(name: string, content: string): string {
  const path = join(pem.folder, name)
  writeFileSync(path, content)
  return path
}

test('readKeyPair() and readAuthorities() give what stands in the files', () => {
  assert.deepEqual(readKeyPair(pem.client, pem.clientKey), {
    cert: text(pem.client),
    key: text(pem.clientKey),
  })
  const both = `about\n${text(pem.ca)}between\n${text(pem.stranger)}`
  assert.equal(readAuthorities(written('both.pem', both)), both)
})

test('what is of no use is refused in CoreDNS’s words, with the file', () => {
  const empty = written('empty.pem', 'nothing\n')
  const broken = written(
    'broken.pem',
    '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n',
  )
  const cases: readonly (readonly [read: () => unknown, problem: string])[] = [
    [
      () => readKeyPair('/no', pem.key),
      'could not load TLS cert: open /no: no such file or directory',
    ],
    [
      () => readKeyPair(pem.cert, '/no'),
      'could not load TLS cert: open /no: no such file or directory',
    ],
    [() => readKeyPair(pem.folder, pem.key), 'could not load TLS cert: is a directory'],
    [
      () => readKeyPair(empty, pem.key),
      `could not load TLS cert: tls: failed to find any PEM data in certificate input: ${empty}`,
    ],
    [
      () => readKeyPair(pem.cert, empty),
      `could not load TLS cert: tls: failed to find any PEM data in key input: ${empty}`,
    ],
    [
      () => readKeyPair(pem.cert, selfSigned(pem.folder, 'other').key),
      `could not load TLS cert: tls: private key does not match public key of ${pem.cert}`,
    ],
    [() => readAuthorities('/no'), 'error reading /no: open /no: no such file or directory'],
    [() => readAuthorities(empty), `could not read root certs: none in ${empty}`],
    [() => readAuthorities(pem.key), `could not read root certs: none in ${pem.key}`],
  ]
  for (const [read, problem] of cases) {
    assert.throws(read, { message: problem })
  }
  assert.throws(() => readAuthorities(broken), {
    message: /^could not read root certs: \/.*broken\.pem: /,
  })
})
