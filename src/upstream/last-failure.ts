import type { Result, Transport } from './counters.ts'
import type { Exchange } from './exchange.ts'

/** What went wrong last at an upstream. Written where something fails, which is no place to save time. */
export class LastFailure {
  /** `Clock.now`; −Infinity before the first one. */
  at: number = -Infinity
  transport: Transport = 0
  result: Result = 0
  /** The system's word; null where there is none. */
  code: string | null = null
  /** Whether the query had gone out; else it was the connection that failed. */
  sent = false

  note({ sentAt, transport }: Exchange, result: Result, code: string | null, now: number): void {
    this.at = now
    this.transport = transport
    this.result = result
    this.code = code
    this.sent = sentAt > 0
  }
}
