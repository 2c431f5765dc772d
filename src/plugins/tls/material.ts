import { statSync } from 'node:fs'

import { type KeyPair, readAuthorities, readKeyPair } from '../../corefile/pem.ts'
import type { TlsConfig } from './config.ts'

/** What handshakes are made with. */
export interface Material extends KeyPair {
  /** Null: the system's authorities. */
  readonly ca: string | null
}

/** Reads the files of the directive. Throws an Error in CoreDNS's words that names the file. */
export function readMaterial({ cert, key, ca }: TlsConfig): Material {
  return { ...readKeyPair(cert, key), ca: ca === null ? null : readAuthorities(ca) }
}

/** What changes when one of the files does: a replaced file has another inode, a written one another time. */
export function stampOf({ cert, key, ca }: TlsConfig): string {
  return [cert, key, ca].map((path) => (path === null ? '' : stamp(path))).join(' ')
}

function stamp(path: string): string {
  const found = statSync(path, { throwIfNoEntry: false })
  return found === undefined ? 'absent' : `${found.ino}:${found.size}:${found.mtimeMs}`
}
