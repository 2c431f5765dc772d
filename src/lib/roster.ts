/** Who may stand in a roster, in one at a time. */
export interface Member {
  /** Where it stands; −1: in none. The roster's own. */
  rosterAt: number
}

/**
 * Members that come and go by the thousand, in no order. A Set would make a new table, and garbage, of each few dozen
 * that leave.
 */
export class Roster<T extends Member> {
  readonly #members: T[] = []

  get size(): number {
    return this.#members.length
  }

  /** Takes a member that stands in no roster. */
  add(member: T): void {
    member.rosterAt = this.#members.length
    this.#members.push(member)
  }

  /** Nothing where it stands in none. */
  delete(member: T): void {
    const at = member.rosterAt
    if (at < 0) return
    const last = this.#members.pop()!
    if (last !== member) {
      this.#members[at] = last
      last.rosterAt = at
    }
    member.rosterAt = -1
  }

  /** Calls `visit` with each, which may leave meanwhile. Who comes meanwhile may be left out. */
  each(visit: (member: T) => void): void {
    for (let i = this.#members.length - 1; i >= 0; i--) {
      const member = this.#members[i]
      // Several may leave at one visit.
      if (member !== undefined) visit(member)
    }
  }
}
