import { setTimeout as delay } from 'node:timers/promises'

/** Asks `holds` every millisecond, for 20 s at most: a busy machine takes its time. */
export async function eventually(holds: () => boolean, what: string): Promise<void> {
  const deadline = performance.now() + 20_000
  while (!holds()) {
    if (performance.now() > deadline) throw new Error(`not within 20 s: ${what}`)
    await delay(1)
  }
}
