import type { Query } from '../../serve/query.ts'
import { findOption, MAX_OPTIONS, writeOption } from '../../wire/edns.ts'

/** What a rule does where the option is there already, and where it is not. */
export const Action = ['set', 'append', 'replace', 'unset'] as const
export type Action = (typeof Action)[number]

const OPTION_HEAD = 4
/** RFC 5001, RFC 7871. */
export const OPTION_NSID = 3
export const OPTION_SUBNET = 8

/**
 * The EDNS options that rules give a query: those that go upstream, and those that its client gets back,
 * which are the same but for the changes of rules with `revert`. Of the client's own options only those
 * are seen that a rule is about.
 */
export class EdnsChanges {
  readonly #q: Query
  readonly #sent = new Map<number, Uint8Array>()
  readonly #echoed = new Map<number, Uint8Array>()
  readonly #seen = new Set<number>()

  constructor(q: Query) {
    this.#q = q
  }

  /** False where there is nothing to change, or no room. */
  change(code: number, action: Action, data: Uint8Array, reverts: boolean): boolean {
    this.#seek(code)
    if (action === 'unset') {
      this.#sent.delete(code)
      this.#echoed.delete(code)
      return true
    }
    const present = this.#sent.get(code)
    if (present === undefined ? action === 'replace' : action === 'append') return false
    const before = present === undefined ? 0 : OPTION_HEAD + present.length
    if (this.#size() - before + OPTION_HEAD + data.length > MAX_OPTIONS) return false
    this.#sent.set(code, data)
    if (!reverts && code !== OPTION_SUBNET) this.#echoed.set(code, data)
    return true
  }

  /** The client's own option of this code goes on, until a rule changes it. */
  #seek(code: number): void {
    if (this.#seen.has(code)) return
    this.#seen.add(code)
    const { edns, question, wire } = this.#q
    const option = edns.present ? findOption(wire, question, code) : null
    if (option === null || this.#size() + OPTION_HEAD + option.length > MAX_OPTIONS) return
    this.#sent.set(code, Uint8Array.from(option))
  }

  #size(): number {
    let size = 0
    for (const data of this.#sent.values()) size += OPTION_HEAD + data.length
    return size
  }

  /** Gives the options to the query. */
  settle(): void {
    const q = this.#q
    q.options = encoded(this.#sent)
    // The `nsid` plugin has said already what it is.
    if (q.replyOptions !== null) this.#echoed.delete(OPTION_NSID)
    const echoed = encoded(this.#echoed)
    if (echoed === null) return
    q.replyOptions = q.replyOptions === null ? echoed : Buffer.concat([q.replyOptions, echoed])
  }
}

function encoded(options: ReadonlyMap<number, Uint8Array>): Buffer | null {
  if (options.size === 0) return null
  return Buffer.concat(Array.from(options, ([code, data]) => writeOption(code, data)))
}
