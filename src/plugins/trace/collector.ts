import { Episode } from '../../lib/episode.ts'
import { reasonOf } from '../../lib/errors.ts'
import type { Log } from '../../lib/log.ts'
import { LONGEST_TIMER_MS } from '../../lib/longest-timer.ts'
import type { TraceConfig } from './config.ts'
import type { TraceCounters } from './counters.ts'
import type { Encoding, Span } from './span.ts'

/** Longer than a collector that is there takes. */
const POST_MS = 5_000

/** Octets of a collector's reply that are looked at. */
const MAX_REPLY = 4096

/** Characters of what a collector says. */
const MAX_REASON = 200

/** Posts a body; the beginning of the reply. Rejects where the collector does not take it. */
export type Post = (
  url: string,
  body: string | Uint8Array<ArrayBuffer>,
  contentType: string,
) => Promise<Buffer>

export interface CollectorParts {
  readonly config: Pick<TraceConfig, 'url' | 'backlog' | 'batch' | 'interval'>
  readonly counters: TraceCounters
  readonly log: Log
  /** Milliseconds of a monotonic clock. */
  readonly now: () => number
  readonly encoding: Encoding
  readonly post?: Post
}

/** Where spans wait for the collector: as many as fit, of which the oldest give way. */
export class Collector {
  readonly #parts: CollectorParts
  readonly #waiting: Span[] = []
  readonly #trouble = new Episode()
  #timer: NodeJS.Timeout | null = null
  /** The message under way; null where there is none. */
  #sending: Promise<void> | null = null

  constructor(parts: CollectorParts) {
    this.#parts = parts
  }

  add(span: Span): void {
    const { config, counters } = this.#parts
    if (this.#waiting.length >= config.backlog) {
      this.#waiting.shift()
      counters.dropped++
    }
    this.#waiting.push(span)
    this.#sendInTime()
  }

  /** A batch at once, fewer when the interval is over. */
  #sendInTime(): void {
    const { batch, interval } = this.#parts.config
    if (this.#waiting.length >= batch) this.#send()
    else if (this.#waiting.length > 0)
      this.#timer ??= setTimeout(this.#due, Math.min(interval, LONGEST_TIMER_MS)).unref()
  }

  readonly #due = (): void => {
    this.#timer = null
    this.#send()
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
      // The interval may have ended meanwhile.
      this.#sendInTime()
    })
  }

  /** Never rejects. */
  async #post(spans: readonly Span[]): Promise<void> {
    const { config, counters, encoding, post = postBody } = this.#parts
    try {
      const reply = await post(config.url, encoding.encode(spans), encoding.contentType)
      const rejected = encoding.rejected?.(reply) ?? null
      const dropped = Math.min(rejected?.spans ?? 0, spans.length)
      counters.sent += spans.length - dropped
      counters.dropped += dropped
      if (rejected === null) return
      const taken = `${config.url} took ${spans.length - dropped} of ${spans.length} spans`
      this.#tell(taken, rejected.reason.slice(0, MAX_REASON))
    } catch (error) {
      counters.dropped += spans.length
      const reason = reasonOf(error instanceof Error ? (error.cause ?? error) : error)
      this.#tell(`Cannot send spans to ${config.url}`, reason)
    }
  }

  #tell(what: string, reason: string): void {
    const { log, now } = this.#parts
    if (this.#trouble.begins(now())) log.warning(reason === '' ? what : `${what}: ${reason}`)
  }
}

async function postBody(
  url: string,
  body: string | Uint8Array<ArrayBuffer>,
  contentType: string,
): Promise<Buffer> {
  const reply = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': contentType },
    body,
    redirect: 'error',
    signal: AbortSignal.timeout(POST_MS),
  })
  const start = await startOf(reply)
  if (!reply.ok) throw new Error(`status ${reply.status}`)
  return start
}

/** The first octets of a reply: one that is longer is left unread. */
async function startOf({ body }: Response): Promise<Buffer> {
  const parts: Uint8Array[] = []
  let length = 0
  for await (const part of body ?? []) {
    parts.push(part)
    length += part.length
    if (length >= MAX_REPLY) break
  }
  return Buffer.concat(parts).subarray(0, MAX_REPLY)
}
