/** Below this many bytes a loop is cheaper than the call into the runtime (measured on Node 24). */
const LOOP_LIMIT = 24

/** Copies `count` bytes. Bounds are the caller's duty; overlapping ranges are not supported. */
export function copyBytes(
  from: Buffer,
  fromOffset: number,
  to: Uint8Array,
  toOffset: number,
  count: number,
): void {
  if (count > LOOP_LIMIT) {
    from.copy(to, toOffset, fromOffset, fromOffset + count)
    return
  }
  for (let i = 0; i < count; i++) to[toOffset + i] = from[fromOffset + i]!
}
