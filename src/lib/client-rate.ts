/** Clients remembered; who was seen first is forgotten first, and begins anew. */
const MAX_CLIENTS = 1_024

interface Bucket {
  left: number
  /** Milliseconds: until when what comes back has been added. */
  at: number
}

/**
 * How often each client may do something: `burst` times at once, and as often as `perSecond` for good (a
 * token bucket).
 */
export class ClientRate {
  readonly #burst: number
  readonly #perSecond: number
  readonly #buckets = new Map<string, Bucket>()

  constructor(burst: number, perSecond: number) {
    this.#burst = burst
    this.#perSecond = perSecond
  }

  /** Counts once more for a client (see `clientOf()`) at `now`, in milliseconds; false: it does so too often. */
  take(client: string, now: number): boolean {
    let bucket = this.#buckets.get(client)
    if (bucket === undefined) {
      const [first] = this.#buckets.size < MAX_CLIENTS ? [] : this.#buckets.keys()
      if (first !== undefined) this.#buckets.delete(first)
      this.#buckets.set(client, (bucket = { left: this.#burst, at: now }))
    }
    const back = ((now - bucket.at) * this.#perSecond) / 1000
    bucket.left = Math.min(this.#burst, bucket.left + back)
    bucket.at = now
    if (bucket.left < 1) return false
    bucket.left--
    return true
  }
}
