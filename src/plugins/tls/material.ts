import { createPrivateKey, X509Certificate } from 'node:crypto'
import { readFileSync, statSync } from 'node:fs'

import { reasonOf } from '../../lib/errors.ts'
import type { TlsConfig } from './config.ts'

/** What handshakes are made with: PEM, checked. */
export interface Material {
  readonly cert: string
  readonly key: string
  /** Null: the system's authorities. */
  readonly ca: string | null
}

/** No certificate chain or bundle of authorities comes near. */
const MAX_BYTES = 4 << 20

/** Reads the files of the directive. Throws an Error in CoreDNS's words that names the file. */
export function readMaterial({ cert, key, ca }: TlsConfig): Material {
  const pair = loading(() => readPair(cert, key))
  return { ...pair, ca: ca === null ? null : readAuthorities(ca) }
}

/** What changes when one of the files does: a replaced file has another inode, a written one another time. */
export function stampOf({ cert, key, ca }: TlsConfig): string {
  return [cert, key, ca].map((path) => (path === null ? '' : stamp(path))).join(' ')
}

function stamp(path: string): string {
  const found = statSync(path, { throwIfNoEntry: false })
  return found === undefined ? 'absent' : `${found.ino}:${found.size}:${found.mtimeMs}`
}

function loading<T>(read: () => T): T {
  try {
    return read()
  } catch (error) {
    throw new Error(`could not load TLS cert: ${reasonOf(error)}`, { cause: error })
  }
}

function readPair(certPath: string, keyPath: string): Pick<Material, 'cert' | 'key'> {
  const [cert, key] = [readText(certPath), readText(keyPath)]
  const leaf = understood(certPath, 'no certificate in PEM', () => new X509Certificate(cert))
  const secret = understood(keyPath, 'no private key in PEM', () => createPrivateKey(key))
  if (!leaf.checkPrivateKey(secret)) {
    throw new Error(`${keyPath} is not the key of the certificate in ${certPath}`)
  }
  return { cert, key }
}

function readAuthorities(path: string): string {
  let text: string
  try {
    text = readText(path)
  } catch (error) {
    throw new Error(`error reading ${path}: ${reasonOf(error)}`, { cause: error })
  }
  const found = text.match(/-----BEGIN CERTIFICATE-----[^]*?-----END CERTIFICATE-----/g) ?? []
  if (found.length === 0) throw new Error(`could not read root certs: none in ${path}`)
  for (const one of found) understood(path, 'a broken certificate', () => new X509Certificate(one))
  return text
}

/** What OpenSSL says would not help: `what` is said instead. */
function understood<T>(path: string, what: string, parse: () => T): T {
  try {
    return parse()
  } catch (cause) {
    throw new Error(`${path} has ${what}`, { cause })
  }
}

function readText(path: string): string {
  const stat = statSync(path)
  // A pipe or a device could block for ever or never end.
  if (!stat.isFile()) throw new Error(`${path} is not a regular file`)
  if (stat.size > MAX_BYTES) throw new Error(`${path} is larger than ${MAX_BYTES} bytes`)
  return readFileSync(path, 'utf8')
}
