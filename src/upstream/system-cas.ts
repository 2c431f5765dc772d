import { X509Certificate } from 'node:crypto'
import { readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs'
import { join } from 'node:path'

/** Where systems keep the certificates that all programs trust; the first that is there counts. */
const FILES = [
  '/etc/ssl/certs/ca-certificates.crt',
  '/etc/pki/tls/certs/ca-bundle.crt',
  '/etc/ssl/ca-bundle.pem',
  '/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem',
  '/etc/ssl/cert.pem',
]
/** Where one more may lie in a file of its own, as one that is mounted does; all of them count. */
const FOLDERS = ['/etc/ssl/certs', '/etc/pki/tls/certs']

/** Octets of a file: bundles of all authorities have a quarter of a million. */
const MAX_SIZE = 4 << 20

const BEGIN = '-----BEGIN CERTIFICATE-----'
const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g

/** The environment, as far as it is asked here. */
interface CaEnvironment {
  readonly SSL_CERT_FILE?: string | undefined
  /** Folders with colons between them. */
  readonly SSL_CERT_DIR?: string | undefined
}

/**
 * The authorities that this system trusts, in PEM, found where Go's crypto/x509 looks; null where those that come with
 * Node.js are all there are. What cannot be read, or is no certificate, is left out. Reads up to some hundred files.
 */
export function systemCas(environment: CaEnvironment = process.env): string[] | null {
  const { SSL_CERT_FILE: file, SSL_CERT_DIR: folders } = environment
  const bundle = (file ? [file] : FILES).map(read).find((text) => text?.includes(BEGIN)) ?? null
  const known = new Set(bundle?.match(CERTIFICATE))
  const beside = (folders ? folders.split(':') : FOLDERS)
    .flatMap(entriesOf)
    .flatMap((path) => read(path)?.match(CERTIFICATE) ?? [])
  const more = [...new Set(beside)].filter((text) => !known.has(text) && isCertificate(text))
  if (bundle !== null) return [bundle, ...more]
  return more.length === 0
    ? null
    : [...process.getBuiltinModule('node:tls').rootCertificates, ...more]
}

/** Null for what is no regular file: a pipe would keep us for ever. */
function read(path: string): string | null {
  try {
    const stat = statSync(path)
    if (!stat.isFile() || stat.size > MAX_SIZE) return null
    return readFileSync(path, 'utf8')
  } catch {
    return null
  }
}

/** Links to another file of the folder are left out: names made of hashes, which OpenSSL wants. */
function entriesOf(folder: string): string[] {
  try {
    return readdirSync(folder, { withFileTypes: true })
      .filter((e) => !e.isSymbolicLink() || readlinkSync(join(folder, e.name)).includes('/'))
      .map(({ name }) => join(folder, name))
  } catch {
    return []
  }
}

function isCertificate(text: string): boolean {
  try {
    return new X509Certificate(text).raw.length > 0
  } catch {
    return false
  }
}
