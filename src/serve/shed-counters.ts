import { ByServer, LabelledCounters } from '../lib/counters.ts'

/** What a server dropped over UDP because its socket took no more replies. */
export interface ShedCounters {
  /** Queries that no plugin has seen. */
  queries: number
  /** Replies that were ready. */
  responses: number
}

/** Counted by sockets and by `shed`, which shows them. */
export const shedCounters: LabelledCounters<ShedCounters> = new LabelledCounters(() => ({
  queries: 0,
  responses: 0,
}))

export const shedByServer: ByServer<ShedCounters> = new ByServer(shedCounters)
