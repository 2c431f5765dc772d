import { Budget } from './budget.ts'
import type { Value } from './value.ts'

/** What an expression finds under its names. */
export type Environment = Readonly<Record<string, Value>>

/** One evaluation: the values of its names, variables and pointers, and what it may still do. */
export class Frame {
  environment: Environment = {}
  readonly budget: Budget = new Budget()
  /** Variables and pointers have numbers, given out when the expression is compiled. */
  readonly slots: Value[]

  constructor(slots: number) {
    this.slots = Array.from({ length: slots }, () => null)
  }
}

/** A part of an expression, compiled. Throws Error. */
export type Evaluate = (frame: Frame) => Value
