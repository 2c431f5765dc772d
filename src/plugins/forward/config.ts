import { statSync } from 'node:fs'
import {
  all,
  both,
  check,
  type Convert,
  CorefileError,
  countArgs,
  type Directive,
  duration,
  errorAt,
  flag,
  formatDuration,
  ignore,
  inPlugin,
  integer,
  ipAddress,
  list,
  one,
  type Option,
  reaching,
  read,
  readAll,
  type ReadOption,
  type Token,
  uint32,
  unknownProperty,
  valueError,
  type Warn,
  zones,
  zonesOr,
} from '../../corefile/directive.ts'
import type { Endpoint } from '../../lib/address.ts'
import { MAX_TIMEOUT_MS } from '../../upstream/rtt.ts'
import { Rcode, rcodeFromName } from '../../wire/codes.ts'
import { type Destination, readDestination, readEndpoint } from './destination.ts'
import { type HealthCheck, readHealthCheck } from './health-check.ts'

export const policies = ['random', 'round_robin', 'sequential'] as const
export type PolicyName = (typeof policies)[number]

/** One `forward` directive: frozen, defaults filled in. */
export interface ForwardConfig {
  /** The zone it takes queries of. */
  readonly from: string
  /** Other zones its FROM stands for, left out as CoreDNS leaves them out. */
  readonly ignoredFrom: readonly string[]
  readonly to: readonly Destination[]
  readonly except: readonly string[]
  readonly forceTcp: boolean
  readonly preferUdp: boolean
  /** Milliseconds an idle socket is kept. */
  readonly expire: number
  readonly maxFails: number
  /** Failed attempts per query; null: two per upstream. */
  readonly maxConnectAttempts: number | null
  readonly maxIdleConns: number
  /** Milliseconds. */
  readonly readTimeout: number
  readonly policy: PolicyName
  readonly healthCheck: HealthCheck
  /** Queries in flight; 0: only the built-in limit. */
  readonly maxConcurrent: number
  /** Rcodes that hand the query to the next `forward`. */
  readonly next: readonly number[]
  readonly nextOnNodata: boolean
  /** Rcodes that hand the query to another upstream. */
  readonly failover: readonly number[]
  readonly failfast: boolean
  readonly source: string | null
  /** Servers that resolve upstreams given by name; none: the system's resolver. */
  readonly resolvers: readonly Endpoint[]
}

const MAX_TO = 15

const expire = check(duration, (ms) =>
  ms < 0 ? `expire can't be negative: ${formatDuration(ms)}` : null,
)
const readTimeout = check(duration, (ms) =>
  ms <= 0 ? `read_timeout must be positive: ${formatDuration(ms)}` : null,
)

function count(name: string): Convert<number> {
  return check(integer, (n) => (n < 0 ? `${name} can't be negative: ${n}` : null))
}

function rcode(token: Token): number {
  const code = rcodeFromName(token.text)
  if (code === undefined) throw valueError(token, `${token.text} is not a valid rcode`)
  return code
}

const failoverRcode = check(rcode, (code) =>
  code === Rcode.NoError ? 'NoError cannot be used in failover' : null,
)

function resolver(token: Token): Endpoint {
  const endpoint = readEndpoint(token.text)
  if (endpoint === null) throw valueError(token, `not an IP address: "${token.text}"`)
  return endpoint
}

/** In lower case only, unlike other words of CoreDNS. */
function policy(token: Token): PolicyName {
  const name = policies.find((known) => known === token.text)
  if (name === undefined) throw errorAt(token, `unknown policy '${token.text}'`)
  return name
}

const missing: ReadOption<never> = (option: Option) => {
  throw valueError(option.name, `'${option.name.text}' is not implemented in this release`)
}

/** An option with one argument, behind which CoreDNS lets another option follow on the same line. */
function next<T>(convert: Convert<T>): ReadOption<T> {
  return reaching(1, one(convert))
}

const options = {
  force_tcp: flag,
  prefer_udp: flag,
  expire: next(expire),
  max_fails: next(uint32),
  max_connect_attempts: next(uint32),
  max_idle_conns: next(count('max_idle_conns')),
  read_timeout: next(readTimeout),
  policy: next(policy),
  health_check: readHealthCheck,
  max_concurrent: next(count('max_concurrent')),
  next: all(list(rcode, 1)),
  next_on_nodata: flag,
  failover: all(list(failoverRcode, 1)),
  failfast_all_unhealthy_upstreams: flag,
  source_address: next(ipAddress),
  resolver: all(list(resolver, 1)),
  tls: missing,
  tls_servername: missing,
  doh_method: missing,
  max_age: missing,
}

/** Reads one `forward` directive. Looks at the file system only to tell files from domain names. */
export function readConfig(directive: Directive, warn: Warn = ignore): ForwardConfig {
  return inPlugin(directive.name, () => {
    const [{ from, ignoredFrom, to }, given] = both(
      () => readArguments(directive, warn),
      () => readOptions(directive, warn),
    )
    return Object.freeze({
      from,
      ignoredFrom,
      to,
      except: given.except ?? [],
      forceTcp: given.force_tcp ?? false,
      preferUdp: given.prefer_udp ?? false,
      expire: given.expire ?? 10_000,
      maxFails: given.max_fails ?? 2,
      maxConnectAttempts: given.max_connect_attempts ?? null,
      maxIdleConns: given.max_idle_conns ?? 0,
      readTimeout: given.read_timeout ?? MAX_TIMEOUT_MS,
      policy: given.policy ?? 'random',
      healthCheck: given.health_check ?? { interval: 500, domain: '.', recursionDesired: true },
      maxConcurrent: given.max_concurrent ?? 0,
      next: given.next?.flat() ?? [],
      nextOnNodata: given.next_on_nodata ?? false,
      failover: given.failover?.flat() ?? [],
      failfast: given.failfast_all_unhealthy_upstreams ?? false,
      source: given.source_address ?? null,
      resolvers: given.resolver?.flat() ?? [],
    })
  })
}

function readArguments(
  directive: Directive,
  warn: Warn,
): Pick<ForwardConfig, 'from' | 'ignoredFrom' | 'to'> {
  const [fromToken = directive.name, ...toTokens] = countArgs(directive, 2)
  const [from = '.', ...ignoredFrom] = readFrom(fromToken)
  const surplus = toTokens[MAX_TO]
  if (surplus !== undefined) {
    throw valueError(surplus, `more than ${MAX_TO} TOs configured: ${toTokens.length}`)
  }
  return {
    from,
    ignoredFrom,
    to: readAll(toTokens, (token) => readDestination(token, isFile, warn)),
  }
}

function readOptions(directive: Directive, warn: Warn) {
  // A word that is no zone is ignored, as in CoreDNS; so is a `}` on the same line.
  const except = reaching('brace', (option: Option, before: readonly string[] = []) => [
    ...before,
    ...zonesOr(countArgs(option, 1), [], warn),
  ])
  return read(directive, { ...options, except }, { unknown: unknownProperty, warn })
}

function readFrom(token: Token): readonly string[] {
  try {
    return zones(token)
  } catch (error) {
    if (error instanceof CorefileError) {
      throw valueError(token, `unable to normalize '${token.text}'`)
    }
    throw error
  }
}

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false }) !== undefined
}
