/** Reads again what was read longer ago than `ms` milliseconds. */
export function remembered<T>(ms: number, read: () => T): () => T {
  let value: T | null = null
  let at = -Infinity
  return () => {
    const now = performance.now()
    if (value === null || now - at > ms) {
      value = read()
      at = now
    }
    return value
  }
}
