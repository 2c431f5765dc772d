import { reasonOf } from '../lib/errors.ts'
import type { Log } from '../lib/log.ts'
import { setupErrors } from './setup-errors.ts'

type Kind = keyof typeof setupErrors

/** Failures to set the node up: each is counted, and said once. Some are tried again each second. */
export class SetupFailures {
  readonly #log: Log
  /** What was said, until that kind of thing succeeds. */
  readonly #said = new Map<Kind, Set<string>>()

  constructor(log: Log) {
    this.#log = log
  }

  failed(kind: Kind, cause: unknown): void {
    setupErrors[kind]++
    const message = reasonOf(cause)
    const said = this.#said.get(kind) ?? new Set()
    this.#said.set(kind, said)
    if (said.has(message)) return
    said.add(message)
    this.#log.error(message)
  }

  /** What fails from now on is news. */
  succeeded(kind: Kind): void {
    this.#said.delete(kind)
  }
}
