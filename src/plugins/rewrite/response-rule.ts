import type { Replace } from './name-text.ts'

/** What one rule does to an answer; null where it does nothing of the kind. */
export interface ResponseRule {
  /** The owner names of records. */
  readonly owner: NameMap | null
  /** The name in the data of CNAME, DNAME, MX, NAPTR, NS, PTR, SOA and SRV records. */
  readonly value: NameMap | null
  readonly ttl: TtlRange | null
  readonly rcode: RcodeChange | null
  /** Targets of CNAME records; what they lead to is asked for anew. */
  readonly target: Replace | null
}

/** Maps a name in presentation form, spelt as the answer has it, to another one or to itself. */
interface NameMap {
  map(name: string): string
}

/** Seconds, both inclusive. */
export interface TtlRange {
  readonly min: number
  readonly max: number
}

export interface RcodeChange {
  readonly from: number
  readonly to: number
}

const nothing: ResponseRule = { owner: null, value: null, ttl: null, rcode: null, target: null }

/** A rule with these parts. */
export function responseRule(parts: Partial<ResponseRule>): ResponseRule {
  return { ...nothing, ...parts }
}

/** `answer name` and `answer value`: what a pattern matches becomes another name. */
export class RegexMap implements NameMap {
  readonly #replace: Replace

  constructor(replace: Replace) {
    this.#replace = replace
  }

  map(name: string): string {
    return this.#replace(name) ?? name
  }
}

/** `answer auto` of a suffix: every name that ends so. Letter case does not matter. */
export class SuffixMap implements NameMap {
  readonly #from: string
  readonly #to: string

  constructor(from: string, to: string) {
    this.#from = from
    this.#to = to
  }

  map(name: string): string {
    if (!name.toLowerCase().endsWith(this.#from)) return name
    return name.slice(0, name.length - this.#from.length) + this.#to
  }
}

/** `answer auto`: the rewritten name, and names below it, become the one that was asked for. */
export class NameBack implements NameMap {
  readonly #from: string
  readonly #to: string

  /** Both in lower case. */
  constructor(from: string, to: string) {
    this.#from = from
    this.#to = to
  }

  map(name: string): string {
    const from = this.#from
    const above = name.length - from.length
    if (above < 0 || name.slice(above).toLowerCase() !== from) return name
    if (above === 0) return this.#to
    return name[above - 1] === '.' ? name.slice(0, above) + this.#to : name
  }
}
