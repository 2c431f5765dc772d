/**
 * Puts one handler of a signal in the place of another. In this order: Node.js drops a signal that has
 * come and was not heard yet together with its last handler, and the process would go on for good.
 */
export function replaceHandler(
  signal: NodeJS.Signals,
  before: () => void,
  after: () => void,
): void {
  process.on(signal, after)
  process.off(signal, before)
}
