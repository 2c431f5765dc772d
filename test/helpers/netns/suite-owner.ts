import { after } from 'node:test'

import type { Owner } from '../processes.ts'

/**
 * The owner of what a suite's `before()` starts, to be made outside of it: an `after()` called inside
 * runs at the end of that hook. The last that was started ends first.
 */
export function suiteOwner(): Owner {
  const ends: (() => Promise<void> | void)[] = []
  after(async () => {
    for (const end of ends.toReversed()) await end()
  })
  return { after: (end) => void ends.push(end) }
}
