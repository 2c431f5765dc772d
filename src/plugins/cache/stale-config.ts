import {
  argumentError,
  check,
  countArgs,
  duration,
  errorAt,
  type Option,
  type Token,
  valueError,
} from '../../corefile/directive.ts'

/** How expired answers are used (RFC 8767). */
export interface StaleConfig {
  /** Milliseconds after its expiry that an answer may still be given. */
  readonly window: number
  /** Whether the upstream is asked before a stale answer is given. */
  readonly askFirst: boolean
  /** Milliseconds a client waits for the upstream then. */
  readonly timeout: number
  /** TTL of stale records, in seconds. */
  readonly responseTtl: number
  /** Milliseconds without another try after a failed refresh. */
  readonly recheck: number
  /** Whether an answer with records stays preferred to a newer denial. */
  readonly preferPositive: boolean
}

/**
 * Milliseconds a client waits where the directive does not say how long (RFC 8767 §5): its own
 * resolver gives up, or asks again, after 5 s. With less, a slow upstream would get us to answer stale
 * where node-cache answers fresh.
 */
export const CLIENT_RESPONSE_MS = 1800

const HOUR = 3_600_000
const MAX_RECHECK = 300_000
const MAX_TTL = 2 ** 32 - 1

const window = check(duration, (ms) =>
  ms < 0 ? 'invalid negative duration for serve_stale' : null,
)
const timeout = check(duration, (ms) =>
  ms < 0 ? 'invalid negative timeout for serve_stale' : null,
)
const responseTtl = check(duration, (ms) => {
  if (ms < 0) return 'invalid negative response TTL for serve_stale'
  if (ms % 1000 !== 0) return 'serve_stale response TTL must be a whole number of seconds'
  return ms / 1000 > MAX_TTL ? `serve_stale response TTL cannot exceed ${MAX_TTL} seconds` : null
})
const recheck = check(duration, (ms) => {
  if (ms < 0) return 'invalid negative failure recheck for serve_stale'
  return ms > MAX_RECHECK ? 'serve_stale failure recheck cannot exceed 5 minutes' : null
})

/**
 *     serve_stale [DURATION] [immediate [RESP_TTL [RECHECK]]
 *                            |verify [TIMEOUT [RESP_TTL [RECHECK]]]]
 *
 * Null where a DURATION of 0 switches stale answers off.
 */
export function readStale(option: Option): StaleConfig | null {
  const [first, mode, ...rest] = countArgs(option, 0, 5)
  const stale = first === undefined ? HOUR : window(first)
  const settings = readMode(mode, rest)
  if (stale === 0) return null
  return { window: stale, preferPositive: false, ...settings }
}

function readMode(
  mode: Token | undefined,
  rest: readonly Token[],
): Omit<StaleConfig, 'window' | 'preferPositive'> {
  const word = mode?.text.toLowerCase() ?? 'immediate'
  if (word !== 'immediate' && word !== 'verify') {
    throw valueError(mode!, `invalid value for serve_stale refresh mode: ${word}`)
  }
  const askFirst = word === 'verify'
  const [wait, ttl, pause] = askFirst ? rest : [undefined, ...rest]
  if (!askFirst && rest[2] !== undefined) throw argumentError(rest[2])
  return {
    askFirst,
    // CoreDNS reads a TIMEOUT of 0 as none.
    timeout: (wait === undefined ? 0 : timeout(wait)) || CLIENT_RESPONSE_MS,
    responseTtl: ttl === undefined ? 0 : responseTtl(ttl) / 1000,
    recheck: pause === undefined ? 0 : recheck(pause),
  }
}

/** `serve_stale_policy prefer_positive`: returns the option's token, for errors. */
export function readStalePolicy(option: Option, before: Token | undefined): Token {
  if (before !== undefined)
    throw errorAt(option.name, 'serve_stale_policy can only be specified once')
  const [policy] = countArgs(option, 1, 1)
  if (policy?.text.toLowerCase() !== 'prefer_positive') {
    throw valueError(policy!, `invalid serve_stale_policy: ${policy!.text}`)
  }
  return option.name
}
