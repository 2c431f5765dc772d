import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto'
import { reasonOf } from '../lib/errors.ts'
import { valueError } from './error.ts'
import { nodeFiles } from './files.ts'
import type { Token } from './parse.ts'

/** A certificate, with those that vouch for it behind, and its key: PEM, checked. */
export interface KeyPair {
  readonly cert: string
  readonly key: string
}

/** Reads the files of a certificate and its key. Throws a CorefileError in CoreDNS's words. */
export function keyPair(certFile: Token, keyFile: Token): KeyPair {
  const cert = reading(certFile, LOADING, () => nodeFiles.read(certFile.text))
  const key = reading(keyFile, LOADING, () => nodeFiles.read(keyFile.text))
  const leaf = reading(certFile, LOADING, () => leafOf(cert, certFile.text))
  const secret = reading(keyFile, LOADING, () => secretOf(key, keyFile.text))
  if (!leaf.checkPrivateKey(secret)) {
    const problem = `private key does not match public key of ${certFile.text}`
    throw valueError(keyFile, `${LOADING}tls: ${problem}`)
  }
  return { cert, key }
}

const LOADING = 'could not load TLS cert: '

function leafOf(text: string, path: string): X509Certificate {
  try {
    return new X509Certificate(text)
  } catch (cause) {
    const problem = 'tls: failed to find any PEM data in certificate input'
    throw new Error(`${problem}: ${path}`, { cause })
  }
}

function secretOf(text: string, path: string): KeyObject {
  try {
    return createPrivateKey(text)
  } catch (cause) {
    // Also one that has a passphrase, which nobody can be asked for.
    throw new Error(`tls: failed to find any PEM data in key input: ${path}`, { cause })
  }
}

/** Reads a file with certificates of authorities, PEM. Throws a CorefileError in CoreDNS's words. */
export function authorities(file: Token): string {
  const { text: path } = file
  const text = reading(file, `error reading ${path}: `, () => nodeFiles.read(path))
  const found = text.match(/-----BEGIN CERTIFICATE-----[^]*?-----END CERTIFICATE-----/g) ?? []
  if (found.length === 0) throw valueError(file, `could not read root certs: none in ${path}`)
  for (const one of found) {
    reading(file, `could not read root certs: ${path}: `, () => new X509Certificate(one))
  }
  return text
}

function reading<T>(at: Token, words: string, read: () => T): T {
  try {
    return read()
  } catch (error) {
    throw valueError(at, words + reasonOf(error))
  }
}
