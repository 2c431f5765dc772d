/** Numbers of the first page, a power of two. */
const FIRST_BITS = 9
const FIRST = 1 << FIRST_BITS

/**
 * A list of numbers that is never copied while it grows, so that no single number costs a pause: each page
 * is twice as long as the one before.
 *
 *   index   0 … 511 │ 512 … 1,535 │ 1,536 … 3,583 │ …
 *   page       0    │      1      │       2       │
 *
 * Pages lie outside of V8's heap, and the kernel gives the memory of one as it is written to.
 */
abstract class Growing<T extends Int32Array | Uint8Array> {
  /** Numbers in it: 2^30 at most. */
  length = 0
  readonly #pages: T[] = []
  /** The last page, how many of it are in use, and how many it has. */
  #last: T | null = null
  #used = 0
  #size = 0

  /** A page of so many zeros. */
  protected abstract newPage(length: number): T

  /** The number at `index`, which is less than `length`. */
  at(index: number): number {
    const n = index + FIRST
    const page = 31 - Math.clz32(n) - FIRST_BITS
    return this.#pages[page]![n - (FIRST << page)]!
  }

  /** Replaces the number at `index`, which is less than `length`. */
  set(index: number, value: number): void {
    this.pageOf(index)[this.offsetOf(index)] = value
  }

  push(value: number): void {
    if (this.#used === this.#size) this.#addPage()
    this.#last![this.#used++] = value
    this.length++
  }

  /** Appends `numbers[from…to)`, FIRST at most, as one piece of one page. Returns the index of the first. */
  append(numbers: T, from: number, to: number): number {
    if (this.#used + to - from > this.#size) {
      this.length += this.#size - this.#used
      this.#addPage()
    }
    const last = this.#last!
    const start = this.length - this.#used
    for (let i = from; i < to; i++) last[this.#used++] = numbers[i]!
    const index = this.length
    this.length = start + this.#used
    return index
  }

  /** The page that holds `index`, which is less than `length`, and its offset there. */
  pageOf(index: number): T {
    return this.#pages[31 - Math.clz32(index + FIRST) - FIRST_BITS]!
  }

  offsetOf(index: number): number {
    const n = index + FIRST
    return n - (1 << (31 - Math.clz32(n)))
  }

  #addPage(): void {
    this.#size = FIRST << this.#pages.length
    this.#last = this.newPage(this.#size)
    this.#pages.push(this.#last)
    this.#used = 0
  }
}

export class GrowingInts extends Growing<Int32Array> {
  protected override newPage(length: number): Int32Array {
    return new Int32Array(length)
  }
}

export class GrowingBytes extends Growing<Uint8Array> {
  protected override newPage(length: number): Uint8Array {
    return new Uint8Array(length)
  }
}
