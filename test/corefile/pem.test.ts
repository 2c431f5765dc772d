import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, test } from 'node:test'
import type { Token } from '../../src/corefile/parse.ts'
import { authorities, keyPair } from '../../src/corefile/pem.ts'
import { makeCertificates, selfSigned } from '../helpers/certificates.ts'

const pem = makeCertificates({ after })
const file = (text: string): Token => ({ text, file: 'Corefile', line: 3 })
const text = (path: string): string => readFileSync(path, 'utf8')

/** A file with that text. */
function written(name: string, content: string): string {
  const path = join(pem.folder, name)
  writeFileSync(path, content)
  return path
}

test('keyPair() and authorities() give what stands in the files', () => {
  assert.deepEqual(keyPair(file(pem.client), file(pem.clientKey)), {
    cert: text(pem.client),
    key: text(pem.clientKey),
  })
  const both = `about\n${text(pem.ca)}between\n${text(pem.stranger)}`
  assert.equal(authorities(file(written('both.pem', both))), both)
})

test('what is of no use is refused in CoreDNS’s words, with the file', () => {
  const empty = written('empty.pem', 'nothing\n')
  const broken = written(
    'broken.pem',
    '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n',
  )
  const cases: readonly (readonly [read: () => unknown, problem: string])[] = [
    [
      () => keyPair(file('/no'), file(pem.key)),
      'could not load TLS cert: open /no: no such file or directory',
    ],
    [
      () => keyPair(file(pem.cert), file('/no')),
      'could not load TLS cert: open /no: no such file or directory',
    ],
    [() => keyPair(file(pem.folder), file(pem.key)), 'could not load TLS cert: is a directory'],
    [
      () => keyPair(file(empty), file(pem.key)),
      `could not load TLS cert: tls: failed to find any PEM data in certificate input: ${empty}`,
    ],
    [
      () => keyPair(file(pem.cert), file(empty)),
      `could not load TLS cert: tls: failed to find any PEM data in key input: ${empty}`,
    ],
    [
      () => keyPair(file(pem.cert), file(selfSigned(pem.folder, 'other').key)),
      `could not load TLS cert: tls: private key does not match public key of ${pem.cert}`,
    ],
    [() => authorities(file('/no')), 'error reading /no: open /no: no such file or directory'],
    [() => authorities(file(empty)), `could not read root certs: none in ${empty}`],
    [() => authorities(file(pem.key)), `could not read root certs: none in ${pem.key}`],
  ]
  for (const [read, problem] of cases) {
    assert.throws(read, { name: 'CorefileError', message: `Corefile:3 - ${problem}` })
  }
  assert.throws(() => authorities(file(broken)), {
    message: /^Corefile:3 - could not read root certs: \/.*broken\.pem: /,
  })
})
