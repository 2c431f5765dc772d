import {
  argumentError,
  both,
  check,
  countArgs,
  type Directive,
  duration,
  flag,
  formatDuration,
  ignore,
  inPlugin,
  integer,
  once,
  one,
  percentage,
  reaching,
  read,
  type ReadOption,
  type Token,
  tuple,
  valueError,
  type Warn,
  zonesOr,
} from '../../corefile/directive.ts'
import { CLIENT_RESPONSE_MS, readStale, readStalePolicy, type StaleConfig } from './stale-config.ts'

/** Limits of one store. */
interface StoreConfig {
  /** Entries. */
  readonly capacity: number
  /** Seconds. */
  readonly maxTtl: number
  readonly minTtl: number
}

interface PrefetchConfig {
  /** Hits that make an entry popular, with gaps below `duration` ms between them. */
  readonly amount: number
  readonly duration: number
  /** Share of its lifetime that is left when a popular entry is refreshed. */
  readonly percentage: number
}

/** The `cache` directive: frozen, defaults filled in. */
export interface CacheConfig {
  readonly zones: readonly string[]
  readonly success: StoreConfig
  readonly denial: StoreConfig
  readonly prefetch: PrefetchConfig | null
  /** Null where stale answers are switched off. */
  readonly stale: StaleConfig | null
  /** Milliseconds a SERVFAIL of the upstream is remembered; 0 for not at all. */
  readonly servfail: number
  /** Zones whose answers of that kind are not stored. */
  readonly withoutSuccess: readonly string[]
  readonly withoutDenial: readonly string[]
  readonly keepTtl: boolean
}

const DEFAULT_CAPACITY = 10_000
/** CoreDNS rounds up to this (256 shards of at least 4); a smaller cache helps nobody. */
const MIN_CAPACITY = 1024
const SUCCESS_TTL = 3600
const DENIAL_TTL = 1800
const MINUTE = 60_000
const MAX_SERVFAIL = 5 * MINUTE

const maxTtl = check(integer, (ttl) =>
  ttl > 0 ? null : `cache TTL can not be zero or negative: ${ttl}`,
)
const minTtl = check(integer, (ttl) =>
  ttl >= 0 ? null : `cache min TTL can not be negative: ${ttl}`,
)
const prefetchAmount = check(integer, (amount) =>
  amount >= 0 ? null : `prefetch amount should be positive: ${amount}`,
)
const servfail = check(duration, (ms) => {
  if (ms < 0) return 'invalid negative ttl for servfail'
  return ms > MAX_SERVFAIL ? 'caching SERVFAIL responses over 5 minutes is not permitted' : null
})

/** CAPACITY [TTL [MINTTL]]; what follows is ignored, as in CoreDNS. */
function store(warn: Warn): ReadOption<readonly [number, number?, number?]> {
  const limits = tuple([integer], [maxTtl, minTtl])
  return ({ name, args, ...rest }) => {
    const surplus = args[3]
    if (surplus !== undefined) {
      warn(
        `${surplus.file}:${surplus.line} - '${surplus.text}' is ignored: ${name.text} has three values`,
      )
    }
    return limits({ name, args: args.slice(0, 3), ...rest }, undefined)
  }
}

const options = {
  prefetch: tuple([prefetchAmount], [duration, percentage(10, 90)]),
  serve_stale: readStale,
  serve_stale_policy: readStalePolicy,
  servfail: one(servfail),
  keepttl: flag,
}

function readOptions(directive: Directive, warn: Warn) {
  const withWarnings = { success: store(warn), denial: store(warn), disable: readDisable(warn) }
  return read(directive, { ...options, ...withWarnings }, { warn })
}

/** Reads the one `cache` directive of a block that serves `blockZones`. */
export function readConfig(
  directives: readonly Directive[],
  blockZones: readonly string[],
  warn: Warn = ignore,
): CacheConfig {
  const directive = once(directives)
  return inPlugin(directive.name, () => {
    const [{ ttl, zones }, given] = both(
      () => readArguments(directive.args, blockZones, warn),
      () => readOptions(directive, warn),
    )
    const policy = given.serve_stale_policy
    if (
      policy !== undefined &&
      directive.options?.every(({ name }) => name.text !== 'serve_stale')
    ) {
      throw valueError(policy, 'serve_stale_policy requires serve_stale')
    }
    const stale = given.serve_stale === undefined ? defaultStale : given.serve_stale
    return Object.freeze({
      zones,
      success: storeConfig(given.success, ttl ?? SUCCESS_TTL),
      denial: storeConfig(given.denial, ttl ?? DENIAL_TTL),
      prefetch: prefetchConfig(given.prefetch),
      stale: stale === null ? null : { ...stale, preferPositive: policy !== undefined },
      servfail: given.servfail ?? 5000,
      withoutSuccess: given.disable?.success ?? [],
      withoutDenial: given.disable?.denial ?? [],
      keepTtl: given.keepttl ?? false,
    })
  })
}

/**
 * Without `serve_stale` an old answer is still better than none: the upstream is asked first, and
 * only a failure, or no answer in 1.8 s, brings out what expired within the last hour (the values
 * that RFC 8767 §5 recommends).
 */
const defaultStale: StaleConfig = Object.freeze({
  window: 60 * MINUTE,
  askFirst: true,
  timeout: CLIENT_RESPONSE_MS,
  responseTtl: 30,
  recheck: 30_000,
  preferPositive: false,
})

function readArguments(
  args: readonly Token[],
  blockZones: readonly string[],
  warn: Warn,
): { ttl: number | null; zones: readonly string[] } {
  const [first] = args
  // A number beyond 64 bits is none, and a name like any other.
  if (first === undefined || !/^[+-]?\d{1,18}$/.test(first.text)) {
    if (first !== undefined && /^\d+(?:ms|[smh])?$/.test(first.text)) {
      const { text, file, line } = first
      warn(
        `${file}:${line} - '${text}' is read as a zone: a TTL is a number of seconds, without a unit`,
      )
    }
    return { ttl: null, zones: zonesOr(args, blockZones, warn) }
  }
  return { ttl: maxTtl(first), zones: zonesOr(args.slice(1), blockZones, warn) }
}

function storeConfig(
  given: readonly [number, number?, number?] | undefined,
  fallbackTtl: number,
): StoreConfig {
  const [capacity = DEFAULT_CAPACITY, max = fallbackTtl, min = 0] = given ?? []
  // A TTL below MINTTL is the one that counts, as in CoreDNS.
  return { capacity: Math.max(capacity, MIN_CAPACITY), maxTtl: max, minTtl: Math.min(min, max) }
}

function prefetchConfig(
  given: readonly [number, number?, number?] | undefined,
): PrefetchConfig | null {
  const [amount = 0, gap = MINUTE, share = 10] = given ?? []
  return amount === 0 ? null : { amount, duration: gap, percentage: share }
}

interface Disabled {
  readonly success?: readonly string[]
  readonly denial?: readonly string[]
}

function readDisable(warn: Warn): ReadOption<Disabled> {
  return reaching('brace', (option, before = {}) => {
    const [kind, ...rest] = countArgs(option, 1)
    if (kind === undefined) throw argumentError(option.name)
    if (kind.text !== 'success' && kind.text !== 'denial') {
      throw valueError(kind, 'cache type for disable must be "success" or "denial"')
    }
    // A `}` on the same line is a zone to CoreDNS, and then the only one.
    const everywhere = option.close === undefined ? ['.'] : []
    return { ...before, [kind.text]: zonesOr(rest, everywhere, warn) }
  })
}

/** The settings in effect, for `dnslet check`: a line for each option, written or not. */
export function describe(config: CacheConfig): string[] {
  const { success, denial, prefetch, stale, keepTtl } = config
  const lines = [
    `zones ${config.zones.join(' ') || 'none: nothing is cached'}`,
    `success ${describeStore(success)}`,
    `denial ${describeStore(denial)}`,
    `servfail ${formatDuration(config.servfail)}`,
    prefetch === null
      ? 'prefetch off'
      : `prefetch ${prefetch.amount} ${formatDuration(prefetch.duration)} ${prefetch.percentage}%`,
    ...(stale === null ? ['serve_stale off'] : describeStale(stale)),
  ]
  if (config.withoutSuccess.length > 0) {
    lines.push(`disable success ${config.withoutSuccess.join(' ')}`)
  }
  if (config.withoutDenial.length > 0) {
    lines.push(`disable denial ${config.withoutDenial.join(' ')}`)
  }
  if (keepTtl) lines.push('keepttl')
  return lines
}

function describeStore(limits: StoreConfig): string {
  return `${limits.capacity} entries, TTL ${limits.minTtl}s to ${limits.maxTtl}s`
}

function describeStale(stale: StaleConfig): string[] {
  const { window, askFirst, timeout, responseTtl, recheck, preferPositive } = stale
  const wait = ` or no answer in ${formatDuration(timeout)}`
  const when = askFirst ? `after a failure of the upstream${wait}` : 'at once'
  const pause = recheck === 0 ? 'each time' : `every ${formatDuration(recheck)}`
  const lines = [
    `serve_stale up to ${formatDuration(window)} after expiry, ${when}, TTL ${responseTtl}s; ` +
      `after a failed refresh tried again ${pause}`,
  ]
  if (preferPositive) lines.push('serve_stale_policy prefer_positive')
  return lines
}
