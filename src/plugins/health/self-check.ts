import { beat, type Beat } from '../../lib/beat.ts'
import type { Clock } from '../../lib/clock.ts'
import { reasonOf } from '../../lib/errors.ts'
import type { Log } from '../../lib/log.ts'
import { plural } from '../../lib/plural.ts'
import { selfChecks } from './metrics.ts'

/** Seconds between the starts of two checks. */
const INTERVAL = 1
/** A check that is not over after as many intervals has failed. */
const PATIENCE = 3
/** A check that takes longer is worth a warning. */
const SLOW_MS = 1000
/**
 * A datagram may be lost under load, and a restart would only add to that load: this many checks in
 * a row must fail before a daemon that once passed is called unhealthy.
 */
const TOLERATED_FAILURES = 2

export interface SelfCheckParts {
  /** Asks the daemon's own sockets; resolves to null or what is wrong with them. */
  readonly ask: () => Promise<string | null>
  readonly clock: Clock
  readonly log: Log
  /** Default: the process's. */
  readonly beat?: Beat
}

type State = 'new' | 'checking' | 'resting' | 'stopped'

/**
 * Keeps asking the daemon's own sockets, so that a probe has the answer at
 * once. One for all `health` directives; it lives on over reloads.
 *
 *     new ──start()──▶ checking ──a result, or none in 3 s──▶ resting ──next turn──▶ checking
 *      └───────────────────┴─────────────stop()──────────────────┴──▶ stopped
 *
 * Time is counted in beats. A process that was stopped or throttled for minutes finds
 * one turn gone, not a deadline that passed while nobody could answer.
 */
export class SelfCheck {
  readonly #parts: SelfCheckParts
  #state: State = 'new'
  #endTurns = (): void => {}
  /** Turns since the check under way began. */
  #turns = 0
  /** Number of the check under way: the result of another one comes too late. */
  #current = 0
  #passed = false
  #slow = false
  #failures = 0
  #problem: string | null = null
  #completed: Promise<void>
  #complete: () => void = () => {}

  constructor(parts: SelfCheckParts) {
    this.#parts = parts
    this.#completed = new Promise((resolve) => (this.#complete = resolve))
  }

  /** Begins checking; does nothing where that has happened. */
  start(): void {
    if (this.#state !== 'new') return
    this.#endTurns = (this.#parts.beat ?? beat).every(INTERVAL, this.#turn)
    this.#check()
  }

  /** Ends checking for good; the last finding stands. */
  stop(): void {
    this.#state = 'stopped'
    this.#endTurns()
    this.#complete()
  }

  /** What makes the daemon unhealthy, or null. Waits for the first check, at most its patience. */
  async problem(): Promise<string | null> {
    await this.#completed
    const tolerated = this.#passed && this.#failures <= TOLERATED_FAILURES
    return tolerated ? null : this.#problem
  }

  readonly #turn = (): void => {
    if (this.#state === 'checking') {
      if (++this.#turns < PATIENCE) return
      this.#end(`no result after ${PATIENCE * INTERVAL}s`, 1000 * PATIENCE * INTERVAL)
    }
    this.#check()
  }

  #check(): void {
    const { ask, clock } = this.#parts
    const began = clock.refresh()
    const id = ++this.#current
    this.#turns = 0
    this.#state = 'checking'
    const end = (problem: string | null): void => {
      const isAwaited = id === this.#current && this.#state === 'checking'
      if (isAwaited) this.#end(problem, clock.refresh() - began)
    }
    ask().then(end, (error: unknown) => end(reasonOf(error)))
  }

  #end(problem: string | null, took: number): void {
    this.#state = 'resting'
    selfChecks.durations.observe(took / 1000)
    if (problem === null) this.#pass(took)
    else this.#fail(problem)
    this.#problem = problem
    this.#complete()
  }

  #pass(took: number): void {
    const { log } = this.#parts
    if (this.#failures > 0)
      log.info(`Self-check passes again after ${plural(this.#failures, 'failure')}`)
    const slow = took > SLOW_MS
    // Under a tight CPU limit every check may be slow: the first of them says so.
    if (slow && !this.#slow) log.warning(`Self-check took more than 1s: ${Math.round(took)}ms`)
    this.#slow = slow
    this.#passed = true
    this.#failures = 0
  }

  #fail(problem: string): void {
    const { log } = this.#parts
    selfChecks.failures++
    this.#failures++
    if (this.#failures === 1) log.warning(`Self-check failed: ${problem}`)
    if (this.#failures === TOLERATED_FAILURES + 1) log.error(`Unhealthy: ${problem}`)
  }
}
