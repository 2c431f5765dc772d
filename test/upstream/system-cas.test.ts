import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { rootCertificates } from 'node:tls'

import { systemCas } from '../../src/upstream/system-cas.ts'
import { temporaryFolder } from '../helpers/nsd.ts'

const [one = '', two = '', three = ''] = rootCertificates

/** Which of the three are trusted, each as often as it is there. */
function trusted(file: string, folders: string): string[] {
  const found = systemCas({ SSL_CERT_FILE: file, SSL_CERT_DIR: folders })
  return (found?.join('\n').match(/-----BEGIN[^-]+-----[^-]+-----END CERTIFICATE-----/g) ?? []).map(
    (text) => (text === one ? 'one' : text === two ? 'two' : text === three ? 'three' : text),
  )
}

test('systemCas() adds to the file what lies beside it, once each, and leaves out what is no certificate', (t) => {
  const folder = temporaryFolder(t)
  const [file, beside, mounted] = ['file', 'beside', 'mounted'].map((name) => join(folder, name))
  writeFileSync(file!, `# a comment\n${one}\n`)
  mkdirSync(join(beside!, 'folder'), { recursive: true })
  writeFileSync(join(beside!, 'a.pem'), one)
  writeFileSync(join(beside!, 'b.pem'), `${two}\n`)
  symlinkSync('b.pem', join(beside!, '0123abcd.0'))
  writeFileSync(
    join(beside!, 'broken'),
    '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----',
  )
  writeFileSync(
    join(beside!, 'key'),
    '-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----',
  )
  mkdirSync(join(mounted!, '..data'), { recursive: true })
  writeFileSync(join(mounted!, '..data/c.crt'), three)
  symlinkSync('..data/c.crt', join(mounted!, 'c.crt'))
  assert.deepEqual(trusted(file!, `${beside}:${mounted}`), ['one', 'two', 'three'])
  assert.equal(trusted('/none', `/none:${mounted}`).length, rootCertificates.length + 1)
  for (const nothing of ['/none', join(beside!, 'key')]) {
    assert.equal(systemCas({ SSL_CERT_FILE: nothing, SSL_CERT_DIR: '/none' }), null)
  }
})

test('systemCas() reads regular files alone, of 4 MiB at most', (t) => {
  const folder = temporaryFolder(t)
  execFileSync('mkfifo', [join(folder, 'pipe')])
  symlinkSync('/dev/zero', join(folder, 'device'))
  writeFileSync(join(folder, 'large'), `${one}\n${'#'.repeat(4 << 20)}`)
  assert.equal(systemCas({ SSL_CERT_FILE: join(folder, 'pipe'), SSL_CERT_DIR: folder }), null)
})

test('systemCas() takes variables without a value for missing ones', () => {
  assert.deepEqual(systemCas({ SSL_CERT_FILE: '', SSL_CERT_DIR: '' }), systemCas({}))
})
