/**
 * A copy without the room for 17 that V8 gives an array that grows: for what is kept for each of a
 * thousand server blocks.
 */
export function exact<T>(items: readonly T[]): T[] {
  return items.slice()
}
