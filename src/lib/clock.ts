/**
 * The daemon's clock: monotonic milliseconds, read once per batch of work instead of once per query.
 * `now` is the time of the last `refresh()`; who starts a batch (a socket callback, a timer) refreshes.
 */
export class Clock {
  /**
   * Milliseconds since an arbitrary start, never going back. Initialised where it is declared, so
   * that V8 keeps it unboxed: a field that was ever undefined costs an object for each new time.
   */
  now: number = performance.now()

  /** Reads the time source and returns the new `now`. */
  refresh(): number {
    this.now = performance.now()
    return this.now
  }
}

const neverWoken = new Int32Array(new SharedArrayBuffer(4))

/** Stops the thread, event loop and all. */
export function blockFor(milliseconds: number): void {
  Atomics.wait(neverWoken, 0, 0, milliseconds)
}
