import { readFileSync } from 'node:fs'
import { isIP } from 'node:net'
import { join } from 'node:path'

import { fileKind } from '../lib/file-kind.ts'
import type { Log } from '../lib/log.ts'
import { writeFileAtomically } from './write-file.ts'

/** The headless Service of our manifest that has the same pods as kube-dns. */
export const KUBE_DNS_PODS = 'kube-dns-pods'

export interface FallbackParts {
  /** Where the last known pods are kept, null where there is no such place. */
  readonly stateDirectory: string | null
  /** Addresses of the pods of kube-dns by their name in DNS; rejects where there are none. */
  readonly lookUp: () => Promise<readonly string[]>
  /** Addresses that nobody but us and those pods answer at. */
  readonly orphans: readonly string[]
  readonly log: Log
}

/**
 * The pods of kube-dns, which answer at addresses that kube-proxy knows nothing of (169.254.20.10)
 * while dnslet does not. They are looked up in DNS and kept on disk: who starts with a dead DNS still
 * knows whom to ask.
 */
export class FallbackTargets {
  /** In order of address; empty where none were ever found. */
  known: readonly string[]
  readonly #parts: FallbackParts
  readonly #file: string | null
  #toldOfNone = false
  #toldOfSome = false

  constructor(parts: FallbackParts) {
    this.#parts = parts
    const { stateDirectory } = parts
    this.#file = stateDirectory === null ? null : join(stateDirectory, `${KUBE_DNS_PODS}.json`)
    this.known = this.#file === null ? [] : readKept(this.#file)
  }

  /** Looks the pods up; true where they are others than before. Never rejects: the last ones stay. */
  async refresh(): Promise<boolean> {
    const { log, lookUp, orphans } = this.#parts
    const found = await lookUp().catch(() => [])
    if (found.length === 0) {
      if (this.known.length === 0 && !this.#toldOfNone) {
        this.#toldOfNone = true
        log.warning(
          `No pods of kube-dns are known: while dnslet is dead nobody answers at ` +
            `${orphans.join(', ')}; the headless Service ${KUBE_DNS_PODS} of dnslet's manifest names them`,
        )
      }
      return false
    }
    const pods = [...found].toSorted()
    if (!this.#toldOfSome) {
      this.#toldOfSome = true
      const where = orphans.join(', ')
      log.info(`While dnslet is dead, pods of kube-dns answer at ${where}: ${pods.join(', ')}`)
    }
    if (pods.join() === this.known.join()) return false
    this.known = pods
    this.#keep()
    return true
  }

  #keep(): void {
    if (this.#file === null) return
    try {
      writeFileAtomically(this.#file, JSON.stringify(this.known), 0o600)
    } catch (cause) {
      this.#parts.log.warning(`Cannot keep the pods of kube-dns in ${this.#file}: ${String(cause)}`)
    }
  }
}

/** What is not a list of addresses is as good as nothing. */
function readKept(file: string): string[] {
  try {
    if (fileKind(file) !== 'regular') return []
    const kept: unknown = JSON.parse(readFileSync(file, 'utf8'))
    const isAddress = (one: unknown): one is string => typeof one === 'string' && isIP(one) !== 0
    return Array.isArray(kept) && kept.every(isAddress) ? kept : []
  } catch {
    return []
  }
}
