import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { findTool } from './debian.ts'
import { temporaryFolder } from './nsd.ts'
import type { Owner } from './processes.ts'

/** Paths of PEM files. */
export interface Certificates {
  readonly folder: string
  readonly ca: string
  /** For dns.test and 127.0.0.1, signed by `ca`. */
  readonly cert: string
  readonly key: string
  /** A client's, likewise. */
  readonly client: string
  readonly clientKey: string
  /** A client's that nobody has signed. */
  readonly stranger: string
  readonly strangerKey: string
}

/** The name that the server's certificate is for. */
export const SERVER_NAME = 'dns.test'

/** Makes an authority and what it signs; needs openssl. */
export function makeCertificates(owner: Owner): Certificates {
  const folder = temporaryFolder(owner)
  const ca = selfSigned(folder, 'ca')
  const server = signed(folder, 'server', ca, `subjectAltName=DNS:${SERVER_NAME},IP:127.0.0.1`)
  const client = signed(folder, 'client', ca, 'extendedKeyUsage=clientAuth')
  const stranger = selfSigned(folder, 'stranger')
  return {
    folder,
    ca: ca.cert,
    cert: server.cert,
    key: server.key,
    client: client.cert,
    clientKey: client.key,
    stranger: stranger.cert,
    strangerKey: stranger.key,
  }
}

/** A server's certificate that an authority below another one has signed. */
export interface Chain {
  /** The authority below. */
  readonly intermediate: string
  /** What the server shows: its own, and that of the authority below. */
  readonly cert: string
  readonly key: string
  /** Its own alone. */
  readonly leaf: string
}

/** Makes one for dns.test and 127.0.0.1; the upper authority is nowhere to be found. */
export function makeChain(owner: Owner): Chain {
  const folder = temporaryFolder(owner)
  const below = signed(folder, 'below', selfSigned(folder, 'above'), 'keyUsage=keyCertSign')
  const names = `subjectAltName=DNS:${SERVER_NAME},IP:127.0.0.1`
  const { cert: leaf, key } = signed(folder, 'leaf', below, names)
  const cert = join(folder, 'chain.pem')
  writeFileSync(cert, readFileSync(leaf, 'utf8') + readFileSync(below.cert, 'utf8'))
  return { intermediate: below.cert, cert, key, leaf }
}

interface Pair {
  readonly cert: string
  readonly key: string
}

/** A certificate of its own, `<name>.pem` and `<name>.key`. */
export function selfSigned(folder: string, name: string, days = 2): Pair {
  const { cert, key } = pathsOf(folder, name)
  openssl([
    'req',
    '-x509',
    ...newKey(key),
    '-out',
    cert,
    '-subj',
    `/CN=${name}`,
    '-days',
    `${days}`,
  ])
  return { cert, key }
}

function signed(folder: string, name: string, by: Pair, extension: string): Pair {
  const { cert, key } = pathsOf(folder, name)
  const authority = ['-CA', by.cert, '-CAkey', by.key, '-days', '2']
  const subject = ['-subj', `/CN=${name}`, '-addext', extension]
  openssl(['req', '-x509', ...newKey(key), '-out', cert, ...subject, ...authority])
  return { cert, key }
}

function newKey(path: string): string[] {
  return ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', path]
}

function pathsOf(folder: string, name: string): Pair {
  return { cert: join(folder, `${name}.pem`), key: join(folder, `${name}.key`) }
}

function openssl(args: readonly string[]): void {
  execFileSync(findTool('openssl') ?? 'openssl', args, { stdio: 'ignore' })
}
