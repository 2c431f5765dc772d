import type { Facts } from './facts.ts'
import type { Area, Said } from './finding.ts'

/** One look at one thing. */
export interface Examination {
  readonly area: Area
  /** Every id that it may say. */
  readonly ids: readonly string[]
  /** Where it makes sense: on a node's own network, inside a pod, or in both. */
  readonly where: 'node' | 'pod' | 'both'
  /** Judges what was gathered. Pure: reads nothing, sends nothing. */
  examine(facts: Facts): readonly Said[]
}
