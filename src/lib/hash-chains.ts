/** What stands in `HashChains`: its link is its own, so that coming and going allocates nothing. */
export interface Chained<T> {
  /** 32 bits that nobody can foretell: chains stay short. */
  readonly hash: number
  /** What is behind it in its chain; null outside. */
  behind: T | null
}

/** The heads of all chains that nothing has stood in yet: most of a thousand blocks' never hold anything. */
const none: null[] = [null]
/** Chains at first, a power of two; from there on there are at least as many as things in them. */
const LEAST = 4

/**
 * Things found by their hash, in half the memory of a Map. A Map that is filled and emptied all the time is copied
 * to a new table with every third thing, and large ones stay in the old space.
 *
 *     heads  [ a ⇢ c ][ – ][ b ][ – ]
 */
export class HashChains<T extends Chained<T>> {
  count = 0
  #heads: (T | null)[] = none

  /** The first of those that share the chain of `hash`; the others are `behind` one another. */
  first(hash: number): T | null {
    return this.#heads[hash & (this.#heads.length - 1)]!
  }

  /** Adds what stands in no chains yet. */
  add(thing: T): void {
    if (this.#heads === none) this.#heads = noHeads(LEAST)
    else if (this.count === this.#heads.length) this.#double()
    this.#link(thing)
    this.count++
  }

  #double(): void {
    const all = [...this]
    this.#heads = noHeads(2 * this.#heads.length)
    for (const one of all) this.#link(one)
  }

  /** Removes what is there. */
  remove(thing: T): void {
    const at = thing.hash & (this.#heads.length - 1)
    const first = this.#heads[at]!
    if (first === thing) this.#heads[at] = thing.behind
    else {
      let before = first
      while (before.behind !== thing) before = before.behind!
      before.behind = thing.behind
    }
    thing.behind = null
    this.count--
  }

  *[Symbol.iterator](): Generator<T> {
    for (const first of this.#heads) {
      for (let thing = first; thing !== null; thing = thing.behind) yield thing
    }
  }

  #link(thing: T): void {
    const at = thing.hash & (this.#heads.length - 1)
    thing.behind = this.#heads[at]!
    this.#heads[at] = thing
  }
}

function noHeads<T>(count: number): (T | null)[] {
  return new Array<T | null>(count).fill(null)
}
