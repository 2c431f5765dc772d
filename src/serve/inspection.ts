/**
 * What stages show of themselves to people: plain data, made when somebody asks. Times are `Clock.now`
 * milliseconds ago unless they say otherwise; nothing in here may be changed by who gets it.
 */

/** A server that a stage asks. */
export interface UpstreamState {
  /** `10.96.0.11:53`. */
  readonly address: string
  /** `udp`, `tcp`, `tls`, `https`: how queries go there by default. */
  readonly transport: string
  /** Whether health checks have found it dead, or why it is not trusted; null where all is well. */
  readonly problem: string | null
  readonly connections: number
  /** Queries that wait for its answer. */
  readonly inFlight: number
  /** Smoothed round trip in milliseconds; null before the first answer. */
  readonly rttMs: number | null
  readonly answers: number
  readonly failures: number
  /** What went wrong last, and when; null where nothing has. */
  readonly lastFailure: { readonly what: string; readonly agoMs: number } | null
}

/** The same, as a question would find it. */
export interface ConsideredUpstream extends UpstreamState {
  /** Whether it may be the one that is asked first. */
  readonly isNext: boolean
  /** Why it is, or is not: a few words. */
  readonly why: string
}

/** What a stage would do with a question. */
export interface Explained {
  /** Lines for people; none where it has nothing to do with it. */
  readonly says: readonly string[]
  /** Whether the question goes no further, if it gets here. */
  readonly ends: boolean
}

/** How full a cache is. Entries that have expired count until they make room. */
export interface CacheFill {
  readonly success: { readonly entries: number; readonly capacity: number }
  readonly denial: { readonly entries: number; readonly capacity: number }
  readonly bytes: number
}

/** An answer in a cache. */
export interface CachedAnswer {
  /** Lower case, with a final dot, in presentation format. */
  readonly name: string
  /** `A`, `TYPE65`. */
  readonly type: string
  readonly store: 'success' | 'denial'
  /** `NOERROR`, `NXDOMAIN`. */
  readonly rcode: string
  readonly dnssecOk: boolean
  readonly checkingDisabled: boolean
  /** Seconds until it expires; negative where it has. */
  readonly ttl: number
  /** Seconds for which it may still be served stale; 0 where it may not. */
  readonly staleFor: number
  /** Answers given from it while it was fresh, before refreshes too; with `prefetch`, since its last quiet DURATION. */
  readonly hits: number
  /** In zone-file syntax, TTLs as a client would get them now. */
  readonly records: readonly string[]
}

/** A cache, as operators look at it and empty it. */
export interface CacheContents {
  fill(): CacheFill
  /** The answers to this question, one for each combination of DO and CD. */
  lookUp(name: string, type: number): readonly CachedAnswer[]
  /**
   * All answers, those of the success store before denials, each the most recently used first; lazily, so that
   * who writes them out may pause. Each is told once: what has gone by then is left out, what was refreshed is
   * told as it is.
   */
  dump(): Iterable<CachedAnswer>
  /**
   * Forgets what `matches`, expired answers too. Yields, for each answer that was looked at, how many were
   * forgotten (0 or 1), so that who purges may pause.
   *
   * @param matches given the name in lower case, with a final dot
   */
  purge(matches: (name: string, type: number) => boolean): Iterable<number>
}
