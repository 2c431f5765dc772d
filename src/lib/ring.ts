/**
 * A link of a ring, part of what stands in it, so that coming and going allocates nothing and nobody is looked for.
 * The head of a ring is a link too; one whose `next` is itself stands in none, or is the head of an empty one.
 */
export class Link {
  next: Link = this
  previous: Link = this

  /** Whether it stands in a ring. */
  get isLinked(): boolean {
    return this.next !== this
  }

  /** Puts `link`, which stands in no ring, at the end of the ring that begins here. */
  append(link: Link): void {
    link.previous = this.previous
    link.next = this
    this.previous.next = link
    this.previous = link
  }

  /** Leaves its ring; nothing where it stands in none. */
  leave(): void {
    this.next.previous = this.previous
    this.previous.next = this.next
    this.next = this
    this.previous = this
  }
}
