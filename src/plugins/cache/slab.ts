/**
 * Byte storage for cache entries: many small chunks in few large pages, because a Buffer each would
 * cost more than the average DNS answer.
 *
 *   pages   [ 64-byte chunks ][ 192-byte chunks ][ 64-byte chunks ][ unused ]
 *               │ free: 3 → 1
 *   classes 64: page 0 ⇄ page 2        pages of that size with room, the first is used
 *          192: page 1
 *
 * A page serves one chunk size at a time; free chunks are linked through their own first 4 bytes.
 * A page whose last chunk is given back may serve another size next. take() and give() touch only
 * the heads of these lists.
 */
export const PAGE_SIZE: number = 128 * 1024

export const MIN_CHUNK = 48
/** Chunk sizes grow by a quarter to a half, so at most a third of a chunk is wasted. */
const SIZES = [
  MIN_CHUNK,
  64,
  80,
  96,
  128,
  160,
  192,
  256,
  320,
  384,
  512,
  640,
  768,
  1024,
  1536,
  2048,
  3072,
  4096,
  6144,
  8192,
  12288,
  16384,
  32768,
  65536,
  PAGE_SIZE,
]
const NONE = -1

interface Page {
  readonly bytes: Buffer
  /** Index into SIZES, or NONE while the page is unused. */
  size: number
  live: number
  /** Offset of the first free chunk, or NONE. */
  free: number
  /** Chunks from here on have never been used. */
  fresh: number
  previous: number
  next: number
}

/** Of slabs without a page; never written to. */
const noRoom: Int32Array = new Int32Array(SIZES.length).fill(NONE)

export class Slab {
  readonly #pages: Page[] = []
  /** Per size: index of the first page with room, or NONE. */
  #roomy: Int32Array = noRoom
  #unused = NONE

  /** Bytes of a chunk that holds `length` bytes (1 … PAGE_SIZE): what it really costs. */
  chunkSize(length: number): number {
    return SIZES[sizeFor(length)]!
  }

  /** Reserves a chunk for `length` bytes (1 … PAGE_SIZE) and returns its address. */
  take(length: number): number {
    const size = sizeFor(length)
    let index = this.#roomy[size]!
    if (index === NONE) index = this.#openPage(size)
    const page = this.#pages[index]!
    let offset = page.free
    if (offset !== NONE) {
      page.free = page.bytes.readInt32LE(offset)
    } else {
      offset = page.fresh
      page.fresh += SIZES[size]!
    }
    page.live++
    if (isFull(page)) this.#unlink(index)
    return index * PAGE_SIZE + offset
  }

  /** Gives the chunk at `address` back. */
  give(address: number): void {
    const index = Math.floor(address / PAGE_SIZE)
    const page = this.#pages[index]!
    const wasFull = isFull(page)
    page.bytes.writeInt32LE(page.free, address - index * PAGE_SIZE)
    page.free = address - index * PAGE_SIZE
    page.live--
    if (page.live === 0) {
      if (!wasFull) this.#unlink(index)
      page.size = NONE
      page.next = this.#unused
      this.#unused = index
    } else if (wasFull) {
      this.#link(index, page.size)
    }
  }

  /** The page that holds `address`. */
  page(address: number): Buffer {
    return this.#pages[Math.floor(address / PAGE_SIZE)]!.bytes
  }

  /** Offset of `address` in its page. */
  offset(address: number): number {
    return address % PAGE_SIZE
  }

  #openPage(size: number): number {
    if (this.#roomy === noRoom) this.#roomy = Int32Array.from(noRoom)
    let index = this.#unused
    if (index === NONE) {
      index = this.#pages.length
      const bytes = Buffer.allocUnsafeSlow(PAGE_SIZE)
      this.#pages.push({ bytes, size, live: 0, free: NONE, fresh: 0, previous: NONE, next: NONE })
    } else {
      const page = this.#pages[index]!
      this.#unused = page.next
      page.size = size
      page.free = NONE
      page.fresh = 0
    }
    this.#link(index, size)
    return index
  }

  #link(index: number, size: number): void {
    const head = this.#roomy[size]!
    const page = this.#pages[index]!
    page.previous = NONE
    page.next = head
    if (head !== NONE) this.#pages[head]!.previous = index
    this.#roomy[size] = index
  }

  #unlink(index: number): void {
    const page = this.#pages[index]!
    if (page.previous === NONE) this.#roomy[page.size] = page.next
    else this.#pages[page.previous]!.next = page.next
    if (page.next !== NONE) this.#pages[page.next]!.previous = page.previous
  }
}

function isFull(page: Page): boolean {
  return page.free === NONE && page.fresh + SIZES[page.size]! > PAGE_SIZE
}

function sizeFor(length: number): number {
  let i = 0
  while (SIZES[i]! < length) i++
  return i
}
