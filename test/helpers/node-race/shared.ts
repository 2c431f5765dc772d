/** What a race is told. */
export interface RaceOptions {
  readonly server: string
  readonly pairs: number
  /** Pairs a second. */
  readonly rate: number
  /** A label of its own, so that no cache knows the names of an earlier race. */
  readonly label: string
}

/** Words both threads see. Descriptors of the pairs' sockets follow from `Fds` on. */
export const Word = { Prepare: 0, Ready: 1, Go: 2, Fds: 3 } as const

/** Ids of the two queries of a pair. */
export const Id = { A: 1, AAAA: 2 } as const

/** The name of a pair: always of the same length. */
export function pairName(label: string, pair: number): string {
  return `p${String(pair).padStart(7, '0')}.${label}.who.cluster.local`
}
