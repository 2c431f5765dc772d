import { Type } from '../wire/codes.ts'
import type { ResolverConfig } from './resolv-conf.ts'

/** What a bench is to measure; all of it checked. */
export interface BenchPlan {
  /** At least one. */
  readonly hosts: readonly string[]
  readonly concurrency: number
  /** Of each run. */
  readonly seconds: number
  readonly limitMs: number
  readonly rate: number | null
  /** Of each look-up; for `raw` each is a request of its own. */
  readonly types: readonly number[]
  readonly runs: readonly RunPlan[]
  /** What the reader of the result has to know beforehand. */
  readonly notes: readonly string[]
}

export interface RunPlan {
  readonly server: string
  readonly label: string
  /** A manner's name, or `raw`. */
  readonly client: string
  /** Its servers: one at least. */
  readonly config: ResolverConfig
}

/** What applications ask for unless told otherwise. */
export const BOTH_FAMILIES: readonly number[] = [Type.A, Type.AAAA]

/** A turn is no longer than this, so that all runs see the same weather. */
const MAX_TURN_S = 10
const TURNS = 5

/** Turns of each run: several where there are several runs, all of the same length. */
export function turnsOf({ runs, seconds }: BenchPlan): number {
  return runs.length === 1 ? 1 : Math.max(TURNS, Math.ceil(seconds / MAX_TURN_S))
}
