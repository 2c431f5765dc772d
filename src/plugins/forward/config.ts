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
  hintFor,
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
import type { TlsFiles } from '../../upstream/secure.ts'
import { MAX_TIMEOUT_MS } from '../../upstream/rtt.ts'
import { Rcode, rcodeFromName } from '../../wire/codes.ts'
import { type Destination, readDestination, readEndpoint } from './destination.ts'
import { type HealthCheck, readHealthCheck } from './health-check.ts'
import { checkServerNames, type DohMethod, readMethod, readTls, text } from './encryption.ts'

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
  /** Milliseconds after which a connection takes no more queries; 0: no limit. */
  readonly maxAge: number
  /** What `tls` names; null where there is none: the system's authorities, no certificate of our own. */
  readonly tls: TlsFiles | null
  /** Name that certificates have to be for, of upstreams that have none of their own. */
  readonly serverName: string | null
  readonly dohMethod: DohMethod
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

/** With its place: whether it is long enough is known when `expire` is. */
const maxAge: Convert<{ readonly ms: number; readonly at: Token }> = (token) => {
  const ms = duration(token)
  if (ms < 0) throw valueError(token, `max_age can't be negative: ${formatDuration(ms)}`)
  return { ms, at: token }
}

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
  if (name === undefined) {
    throw errorAt(token, `unknown policy '${token.text}'${hintFor(token.text, policies)}`)
  }
  return name
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
  tls: readTls,
  tls_servername: next(text),
  doh_method: next(readMethod),
  max_age: next(maxAge),
}

/** Reads one `forward` directive. Looks at the file system only to tell files from domain names. */
export function readConfig(directive: Directive, warn: Warn = ignore): ForwardConfig {
  return inPlugin(directive.name, () => {
    const [{ from, ignoredFrom, to }, given] = both(
      () => readArguments(directive, warn),
      () => readOptions(directive, warn),
    )
    const expiry = given.expire ?? 10_000
    const age = given.max_age
    if (age !== undefined && age.ms > 0 && age.ms < expiry) {
      const [is, least] = [formatDuration(age.ms), formatDuration(expiry)]
      throw valueError(age.at, `max_age (${is}) must not be less than expire (${least})`)
    }
    checkServerNames(directive, to, given.tls_servername)
    return Object.freeze({
      from,
      ignoredFrom,
      to,
      except: given.except ?? [],
      forceTcp: given.force_tcp ?? false,
      preferUdp: given.prefer_udp ?? false,
      expire: expiry,
      maxAge: age?.ms ?? 0,
      tls: given.tls ?? null,
      serverName: given.tls_servername || null,
      dohMethod: given.doh_method ?? 'POST',
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
