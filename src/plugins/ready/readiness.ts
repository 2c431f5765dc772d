import type { Holds } from '../../lib/holds.ts'
import type { BlockContext } from '../../serve/plugin.ts'
import type { HttpReply } from '../../lib/http.ts'
import { plainText } from '../../telemetry/http.ts'

/** What `/ready` answers for one configuration: all its blocks with `ready` together. */
export class Readiness {
  readonly #waiting: { readonly name: string; readonly isReady: () => boolean }[] = []
  readonly #watched: { readonly name: string; readonly isReady: () => boolean }[] = []
  readonly #holds: Holds

  /** @param holds reasons of the daemon's, which come before those of the plugins */
  constructor(holds: Holds) {
    this.#holds = holds
  }

  /** Adds the stages of a block that have something to say about their readiness. */
  add(stages: BlockContext['stages'], continuously: boolean): void {
    for (const { name, stage } of stages) {
      if (stage.ready === undefined) continue
      const entry = { name, isReady: (): boolean => stage.ready!() }
      if (continuously) this.#watched.push(entry)
      else this.#waiting.push(entry)
    }
  }

  answer(): HttpReply {
    const held = this.#holds.reasons
    if (held.length > 0) return plainText(503, held.join(', '))
    for (let i = this.#waiting.length - 1; i >= 0; i--) {
      if (this.#waiting[i]!.isReady()) this.#waiting.splice(i, 1)
    }
    const missing = [...this.#waiting, ...this.#watched.filter(({ isReady }) => !isReady())]
    if (missing.length === 0) return plainText(200, 'OK')
    const names = new Set(missing.map(({ name }) => name))
    return plainText(503, [...names].toSorted().join(','))
  }
}
