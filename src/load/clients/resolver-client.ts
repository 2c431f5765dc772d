import type { Client, ClientParts, Done } from '../client.ts'

/** A look-up of one host on its way. */
interface UnderWay {
  /** Asks for the first name. */
  nextName(): void
  cancel(): void
}

/** What resolvers have in common, whatever their manner: the look-ups under way, and whose turn it is. */
export abstract class ResolverClient implements Client {
  readonly parts: ClientParts
  readonly #underWay = new Set<UnderWay>()
  /** Which server comes first, with `options rotate`. */
  #turn = 0

  constructor(parts: ClientParts) {
    this.parts = parts
  }

  /** A look-up that has not begun. */
  protected abstract make(host: string, done: Done): UnderWay

  lookUp(host: string, done: Done): void {
    const one = this.make(host, (outcome) => {
      this.#underWay.delete(one)
      done(outcome)
    })
    this.#underWay.add(one)
    one.nextName()
  }

  close(): void {
    for (const one of this.#underWay) one.cancel()
    this.#underWay.clear()
  }

  /** Index of the server that is asked first. */
  firstServer(): number {
    const { rotate, servers } = this.parts.config
    return rotate ? this.#turn++ % servers.length : 0
  }
}
