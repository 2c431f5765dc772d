import type { Query } from '../../serve/query.ts'

/**
 * One question on its way to the stages below the cache, and everybody who waits for the answer.
 * The leader is the query that travels; waiters asked the same while it was under way.
 */
export class Flight {
  readonly key: string
  readonly leader: Query
  /** True where the leader is the cache's own query and no client waits for it. */
  readonly background: boolean
  /** `Clock.now` at take-off. */
  readonly startedAt: number
  waiters: Query[] = []
  /** Runs out when the clients get a stale answer instead of waiting on (RFC 8767 §5). */
  timer: NodeJS.Timeout | null = null
  /** True once it has run out: whoever asks now gets the stale answer at once. */
  overdue = false
  /** A retry on behalf of waiters whose first flight failed: its failure is final. */
  readonly retry: boolean

  constructor(
    key: string,
    leader: Query,
    background: boolean,
    startedAt: number,
    retry: boolean = false,
  ) {
    this.key = key
    this.leader = leader
    this.background = background
    this.startedAt = startedAt
    this.retry = retry
    leader.memo = this
  }

  /** Those who wait, leaving none. */
  takeWaiters(): Query[] {
    const waiters = this.waiters
    this.waiters = []
    return waiters
  }

  cancelTimer(): void {
    if (this.timer !== null) clearTimeout(this.timer)
    this.timer = null
  }
}
