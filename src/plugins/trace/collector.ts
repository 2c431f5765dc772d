import { Episode } from '../../lib/episode.ts'
import { reasonOf } from '../../lib/errors.ts'
import type { Log } from '../../lib/log.ts'
import type { TraceConfig } from './config.ts'
import type { TraceCounters } from './counters.ts'
import type { Span } from './span.ts'

/** Longer than a collector that is there takes. */
const POST_MS = 5_000

/** Posts a body; rejects where the collector does not take it. */
export type Post = (url: string, body: string) => Promise<void>

export interface CollectorParts {
  readonly config: Pick<TraceConfig, 'url' | 'backlog' | 'batch' | 'interval'>
  readonly counters: TraceCounters
  readonly log: Log
  /** Milliseconds of a monotonic clock. */
  readonly now: () => number
  readonly encode: (spans: readonly Span[]) => string
  readonly post?: Post
}

/** Where spans wait for the collector: as many as fit, of which the oldest give way. */
export class Collector {
  readonly #p: CollectorParts
  readonly #waiting: Span[] = []
  readonly #trouble = new Episode()
  #timer: NodeJS.Timeout | null = null
  /** The message under way; null where there is none. */
  #sending: Promise<void> | null = null

  constructor(parts: CollectorParts) {
    this.#p = parts
  }

  add(span: Span): void {
    const { config, counters } = this.#p
    if (this.#waiting.length >= config.backlog) {
      this.#waiting.shift()
      counters.dropped++
    }
    this.#waiting.push(span)
    if (this.#waiting.length >= config.batch) this.#send()
    else this.#timer ??= setTimeout(() => this.#send(), config.interval).unref()
  }

  /** Sends what waits; resolves once the collector has it, or after five seconds. */
  async end(): Promise<void> {
    await this.#sending
    this.#send()
    await this.#sending
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = null
  }

  #send(): void {
    if (this.#sending !== null || this.#waiting.length === 0) return
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = null
    this.#sending = this.#post(this.#waiting.splice(0)).then(() => {
      this.#sending = null
      if (this.#waiting.length >= this.#p.config.batch) this.#send()
    })
  }

  /** Never rejects. */
  async #post(spans: readonly Span[]): Promise<void> {
    const { config, counters, encode, log, now, post = postJson } = this.#p
    try {
      await post(config.url, encode(spans))
      counters.sent += spans.length
    } catch (error) {
      counters.dropped += spans.length
      const reason = reasonOf(error instanceof Error ? (error.cause ?? error) : error)
      if (this.#trouble.begins(now())) log.warning(`Cannot send spans to ${config.url}: ${reason}`)
    }
  }
}

async function postJson(url: string, body: string): Promise<void> {
  const reply = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body,
    redirect: 'error',
    signal: AbortSignal.timeout(POST_MS),
  })
  await reply.body?.cancel()
  if (!reply.ok) throw new Error(`status ${reply.status}`)
}
