import type { Holds } from '../lib/holds.ts'
import { interceptionState } from './interception-metrics.ts'
import type { InterceptionParts } from './interception-parts.ts'

/** Why nobody should be sent here who is answered elsewhere. */
const UNPROVEN = 'No name of the cluster is answered yet'

type ProofParts = Pick<InterceptionParts, 'served' | 'log' | 'isAlone'> & {
  readonly readiness: Holds
}

/**
 * Whether we answer well enough to intercept: a name of the cluster, by way of the upstream. At addresses where nobody
 * else answers the rest is better than nothing, though no reason to call ourselves ready.
 */
export class UpstreamProof {
  readonly #parts: ProofParts
  /** What was wrong last, so that it is not repeated each second. */
  #problem = ''
  #asking: Promise<boolean> | null = null

  constructor(parts: ProofParts) {
    this.#parts = parts
  }

  /** Whether interception may begin; where not, why is told once for each reason. Never rejects. */
  mayBegin(): Promise<boolean> {
    return (this.#asking ??= this.#ask().finally(() => (this.#asking = null)))
  }

  /** To be called each second where it has begun: what was wrong may be right. */
  again(): void {
    if (this.#problem !== '') void this.mayBegin()
  }

  async #ask(): Promise<boolean> {
    const { served, log, readiness } = this.#parts
    const isKnown = served.upstreamKnown()
    const problem = isKnown
      ? await served.selfQuery()
      : 'the address of the upstream Service is not known'
    const begins = problem === null || (isKnown && this.#parts.isAlone())
    if (problem !== null && problem !== this.#problem) {
      // Where it has begun it goes on, though others may have come who could answer.
      if (begins || interceptionState.active === 1)
        log.warning(`Intercepting where nobody else answers: ${problem}`)
      else log.warning(`Nothing is intercepted, kube-dns answers: ${problem}`)
    }
    interceptionState.reason = this.#problem = problem ?? ''
    if (problem === null) readiness.release(UNPROVEN)
    else if (begins) readiness.hold(UNPROVEN)
    return begins
  }
}
