/** Reasons why something must not be used yet, or no more. It may be while nobody holds it. */
export class Holds {
  readonly #reasons = new Set<string>()

  /** Adds a reason, a few words for people: `Shutting down`. The same one twice counts once. */
  hold(reason: string): void {
    this.#reasons.add(reason)
  }

  /** Takes a reason back; does nothing where nobody gave it. */
  release(reason: string): void {
    this.#reasons.delete(reason)
  }

  /** All reasons, oldest first. */
  get reasons(): readonly string[] {
    return [...this.#reasons]
  }
}
