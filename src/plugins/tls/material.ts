import { type KeyPair, readAuthorities, readKeyPair } from '../../corefile/pem.ts'
import { fileStamp } from '../../lib/file-stamp.ts'
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

/** What changes when one of the files does. */
export function stampOf({ cert, key, ca }: TlsConfig): string {
  return [cert, key, ca].map((path) => (path === null ? '' : fileStamp(path))).join()
}
