import { canonicalAddress } from '../lib/address.ts'

/**
 * The addresses that listeners are bound to, beside those that listen on all of them. The kernel gives a
 * query to the socket that is bound to its address, whatever else listens on the port; a wildcard, of
 * which we make a socket for each address, has to leave these out for the same to be true here.
 */
export class BoundAddresses {
  /** How many listeners have each: a reload opens the new one before it closes the old. */
  readonly #count = new Map<string, number>()

  add(address: string, port: number): void {
    const key = keyOf(address, port)
    this.#count.set(key, (this.#count.get(key) ?? 0) + 1)
  }

  remove(address: string, port: number): void {
    const key = keyOf(address, port)
    const left = (this.#count.get(key) ?? 0) - 1
    if (left > 0) this.#count.set(key, left)
    else this.#count.delete(key)
  }

  has(address: string, port: number): boolean {
    return this.#count.has(keyOf(address, port))
  }
}

/** IPv6 can be written in many ways. */
function keyOf(address: string, port: number): string {
  const [bare = '', scope = ''] = address.split('%')
  return `${canonicalAddress(bare)}%${scope} ${port}`
}
