import type { Services } from '../serve/plugin.ts'

/** One configuration's share in the states it uses. */
export interface StateUser {
  readonly keep: Services['keep']
  /** This configuration is gone: what nobody else uses is dropped. */
  release(): void
}

interface Kept {
  readonly state: unknown
  readonly family: string
  readonly drop: () => void
  readonly users: Set<StateUser>
}

/** State that plugins want to find again after a reload, by key. It lives while a user holds it. */
export class KeptStates {
  readonly #states = new Map<string, Kept>()

  open(): StateUser {
    const user: StateUser = {
      keep: <T>(
        key: string,
        make: (relatives?: readonly T[]) => T,
        drop: (state: T) => void = () => {},
        family: string = key,
      ): T => {
        let kept = this.#states.get(key)
        if (kept === undefined) {
          // Those of the same user belong to other blocks of the same configuration.
          const others = [...this.#states.values()].filter(
            (other) => other.family === family && !other.users.has(user),
          )
          const state = make(others.map((other) => other.state as T))
          kept = { state, family, drop: () => drop(state), users: new Set() }
          this.#states.set(key, kept)
        }
        kept.users.add(user)
        return kept.state as T
      },
      release: () => this.#release(user),
    }
    return user
  }

  /** Every state with its key. */
  *entries(): Generator<readonly [key: string, state: unknown]> {
    for (const [key, { state }] of this.#states) yield [key, state]
  }

  #release(user: StateUser): void {
    for (const [key, kept] of this.#states) {
      if (!kept.users.delete(user) || kept.users.size > 0) continue
      this.#states.delete(key)
      kept.drop()
    }
  }
}
