/** Something that collects bytes during a tick. */
export interface Flushable {
  flush(): void
}

/**
 * Connections with bytes to send. They are flushed together when the tick's packets have all been
 * read, so that the queries of a tick leave in one write per connection.
 */
export class FlushList {
  #dirty: Flushable[] = []
  #spare: Flushable[] = []

  /** Asks for `one.flush()` at the end of this tick; each asks once per tick. */
  add(one: Flushable): void {
    if (this.#dirty.length === 0) setImmediate(this.#run)
    this.#dirty.push(one)
  }

  readonly #run = (): void => {
    const dirty = this.#dirty
    this.#dirty = this.#spare
    for (let i = 0; i < dirty.length; i++) dirty[i]!.flush()
    dirty.length = 0
    this.#spare = dirty
  }
}
