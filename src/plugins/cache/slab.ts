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
 * A page whose last chunk is given back may serve another size next; where there are several, its memory goes
 * back at once, not with some later collection of garbage. take() and give() touch only the heads of these lists.
 * Chunks begin at multiples of 16.
 */
export const PAGE_SIZE: number = 128 * 1024
/** Unused pages that are kept for what comes next: as entries of mixed sizes come and go, pages do. */
const SPARE_PAGES = 8

/** Chunk sizes grow by a quarter to a half, so at most a third of a chunk is wasted. */
const SIZES = [
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
/** No chunk. */
const NONE = -1
/** The size of a page while it is unused. */
const UNUSED = -1

export interface Page {
  readonly bytes: Buffer
  /** The same octets as numbers. */
  readonly doubles: Float64Array
  /** Index into SIZES, or UNUSED. */
  size: number
  live: number
  /** Offset of the first free chunk, or NONE. */
  free: number
  /** Chunks from here on have never been used. */
  fresh: number
  previous: Page | null
  next: Page | null
}

export class Slab {
  /** Per size: the first page with room. */
  readonly #roomy: (Page | null | undefined)[] = []
  #unused: Page | null = null
  #unusedCount = 0

  /** A page with room for a chunk of `length` bytes (1 … PAGE_SIZE), for `take()`. */
  pageFor(length: number): Page {
    const size = sizeFor(length)
    return this.#roomy[size] ?? this.#openPage(size)
  }

  /** Takes a chunk of a page with room; returns where it begins. */
  take(page: Page): number {
    let offset = page.free
    if (offset !== NONE) {
      page.free = page.bytes.readInt32LE(offset)
    } else {
      offset = page.fresh
      page.fresh += SIZES[page.size]!
    }
    page.live++
    if (isFull(page)) this.#unlink(page)
    return offset
  }

  /** Gives the chunk that begins at `offset` back. */
  give(page: Page, offset: number): void {
    const wasFull = isFull(page)
    page.bytes.writeInt32LE(page.free, offset)
    page.free = offset
    page.live--
    if (page.live === 0) {
      if (!wasFull) this.#unlink(page)
      this.#leaveUnused(page)
    } else if (wasFull) {
      this.#link(page)
    }
  }

  #leaveUnused(page: Page): void {
    page.size = UNUSED
    if (this.#unusedCount === SPARE_PAGES) {
      // It is the buffer's own: nothing else is in it.
      ;(page.bytes.buffer as ArrayBuffer).transfer(0)
      return
    }
    page.next = this.#unused
    this.#unused = page
    this.#unusedCount++
  }

  #openPage(size: number): Page {
    const page = this.#unused ?? newPage(PAGE_SIZE)
    if (page === this.#unused) {
      this.#unused = page.next
      this.#unusedCount--
    }
    page.size = size
    page.free = NONE
    page.fresh = 0
    this.#link(page)
    return page
  }

  #link(page: Page): void {
    const head = this.#roomy[page.size] ?? null
    page.previous = null
    page.next = head
    if (head !== null) head.previous = page
    this.#roomy[page.size] = page
  }

  #unlink(page: Page): void {
    if (page.previous === null) this.#roomy[page.size] = page.next
    else page.previous.next = page.next
    if (page.next !== null) page.next.previous = page.previous
  }
}

/** An unused page of `octets`, a multiple of 8. */
export function newPage(octets: number): Page {
  const bytes = Buffer.allocUnsafeSlow(octets)
  const doubles = new Float64Array(bytes.buffer)
  const size = UNUSED
  return { bytes, doubles, size, live: 0, free: NONE, fresh: 0, previous: null, next: null }
}

/** Bytes of a chunk for `length` bytes (1 … PAGE_SIZE): what it really costs. */
export function chunkSize(length: number): number {
  return SIZES[sizeFor(length)]!
}

/** Bytes of each chunk of a page that is in use. */
export function chunkSizeOf(page: Page): number {
  return SIZES[page.size]!
}

function isFull(page: Page): boolean {
  return page.free === NONE && page.fresh + SIZES[page.size]! > PAGE_SIZE
}

function sizeFor(length: number): number {
  let i = 0
  while (SIZES[i]! < length) i++
  return i
}
