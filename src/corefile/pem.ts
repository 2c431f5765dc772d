import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto'
import { reasonOf } from '../lib/errors.ts'
import { nodeFiles } from './files.ts'

/** A certificate, with those that vouch for it behind, and its key: PEM, checked. */
export interface KeyPair {
  readonly cert: string
  readonly key: string
}

/** Reads the files of a certificate and its key. Throws an Error in CoreDNS's words that names the file. */
export function readKeyPair(certPath: string, keyPath: string): KeyPair {
  return reading('could not load TLS cert: ', () => {
    const [cert, key] = [nodeFiles.read(certPath), nodeFiles.read(keyPath)]
    if (!leafOf(cert, certPath).checkPrivateKey(secretOf(key, keyPath))) {
      throw new Error(`tls: private key does not match public key of ${certPath}`)
    }
    return { cert, key }
  })
}

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

/** Reads a file with certificates of authorities, PEM. Throws an Error in CoreDNS's words that names the file. */
export function readAuthorities(path: string): string {
  const text = reading(`error reading ${path}: `, () => nodeFiles.read(path))
  const found = text.match(/-----BEGIN CERTIFICATE-----[^]*?-----END CERTIFICATE-----/g) ?? []
  if (found.length === 0) throw new Error(`could not read root certs: none in ${path}`)
  for (const one of found) {
    reading(`could not read root certs: ${path}: `, () => new X509Certificate(one))
  }
  return text
}

function reading<T>(words: string, read: () => T): T {
  try {
    return read()
  } catch (cause) {
    throw new Error(words + reasonOf(cause), { cause })
  }
}
