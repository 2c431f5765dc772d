import { readFileSync } from 'node:fs'
import { isIP } from 'node:net'
import { join } from 'node:path'

import { reasonOf } from '../lib/errors.ts'
import { fileKind } from '../lib/file-kind.ts'
import type { Log } from '../lib/log.ts'
import type { Rules } from './rules/rules.ts'
import { StateFile } from './state-directory.ts'
import { writeFileAtomically } from './write-file.ts'

/** The headless Service of our manifest that has the same pods as kube-dns. */
export const KUBE_DNS_PODS = 'kube-dns-pods'

/** Turns, which are seconds, between two look-ups of the pods, and while none are known. */
const LOOK_UP = 5
const LOOK_UP_UNKNOWN = 2
/** Turns between two renewals of the fall-back, which lasts an hour. */
const RENEW = 60

export interface FallbackParts {
  /** Where the last known pods are kept, null where there is no such place. */
  readonly stateDirectory: string | null
  /** Addresses of the pods of kube-dns by their name in DNS; rejects where there are none. */
  readonly lookUp: () => Promise<readonly string[]>
  /** Addresses that nobody but us and those pods answer at. */
  readonly orphans: readonly string[]
  /**
   * A number that is another one once a connection to an upstream was opened or broke, or an attempt failed:
   * the pods may be others then. Looked at each turn.
   */
  readonly unrest: () => number
  readonly log: Log
}

/** Told of rules that could not be changed. */
type Failed = (cause: unknown) => void

/**
 * The pods of kube-dns, which answer at addresses that kube-proxy knows nothing of (169.254.20.10)
 * while dnslet does not. The rules lead to them as they are now: looked up in DNS every five seconds,
 * every two while none are known, and within a second once an upstream is in trouble. What is not
 * renewed ends by itself. They are kept on disk: who starts with a dead DNS still knows whom to ask.
 */
export class Fallback {
  /** In order of address; empty where none were ever found. */
  known: readonly string[]
  readonly #parts: FallbackParts
  readonly #file: string | null
  #turns = 0
  #unrest = 0
  /** Whether the rules do not have the pods that are known. */
  #isBehind = false
  #refreshing: Promise<void> | null = null
  /** Whether the file has the pods that are known, as far as a disk takes them. */
  #isKept = true
  #toldOfNone = false
  #toldOfSome = false

  constructor(parts: FallbackParts) {
    this.#parts = parts
    const { stateDirectory } = parts
    this.#file = stateDirectory === null ? null : join(stateDirectory, StateFile.KubeDnsPods)
    this.known = this.#file === null ? [] : readKept(this.#file)
  }

  /** To be called each second, whatever the state of interception is. */
  turn(rules: Rules, failed: Failed): void {
    this.#turns++
    if (this.#turns % RENEW === 0) void rules.renewFallback().catch(failed)
    const pause = this.known.length === 0 ? LOOK_UP_UNKNOWN : LOOK_UP
    const before = this.#unrest
    this.#unrest = this.#parts.unrest()
    if (this.#turns % pause === 0 || before !== this.#unrest) void this.refresh(rules, failed)
  }

  /** Looks the pods up, and passes on what has changed. Never rejects. */
  refresh(rules: Rules, failed: Failed): Promise<void> {
    this.#refreshing ??= this.#refresh(rules)
      .catch(failed)
      .finally(() => (this.#refreshing = null))
    return this.#refreshing
  }

  async #refresh(rules: Rules): Promise<void> {
    const found = await this.#parts.lookUp().catch(() => [])
    if (found.length === 0) this.#tellOfNone()
    else this.#take([...found].toSorted())
    if (!this.#isBehind) return
    await rules.setFallback(this.known)
    this.#isBehind = false
  }

  /** The last ones stay. */
  #tellOfNone(): void {
    if (this.known.length > 0 || this.#toldOfNone) return
    this.#toldOfNone = true
    const { log, orphans } = this.#parts
    log.warning(
      `No pods of kube-dns are known: while dnslet is dead nobody answers at ` +
        `${orphans.join(', ')}; the headless Service ${KUBE_DNS_PODS} of dnslet's manifest names them`,
    )
  }

  #take(pods: readonly string[]): void {
    if (!this.#toldOfSome) {
      this.#toldOfSome = true
      const { log, orphans } = this.#parts
      const where = orphans.join(', ')
      log.info(`While dnslet is dead, pods of kube-dns answer at ${where}: ${pods.join(', ')}`)
    }
    const isNews = pods.join() !== this.known.join()
    this.known = pods
    this.#isBehind ||= isNews
    if (isNews || !this.#isKept) this.#keep(isNews)
  }

  /** @param isNews whether a disk that takes nothing is to be told of: it is tried again with each look-up */
  #keep(isNews: boolean): void {
    if (this.#file === null) return
    try {
      writeFileAtomically(this.#file, JSON.stringify(this.known), 0o600)
      this.#isKept = true
    } catch (cause) {
      this.#isKept = false
      if (!isNews) return
      this.#parts.log.warning(
        `Cannot keep the pods of kube-dns in ${this.#file}: ${reasonOf(cause)}`,
      )
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
