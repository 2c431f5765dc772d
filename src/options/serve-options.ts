import { isIP } from 'node:net'
import { duration } from '../corefile/duration.ts'
import { CorefileError } from '../corefile/error.ts'
import { LONGEST_TIMER_MS } from '../lib/longest-timer.ts'
import type { GivenFlags } from './flags.ts'
import { invalid, UsageError } from './usage-error.ts'

/** Checks cost a little work each: more often than this helps nobody. */
const LEAST_MS = 1_000

/** What `dnslet serve` runs with: frozen, validated, defaults filled in. */
export interface ServeOptions {
  /** Corefile to load: a path, `stdin`, or '' for ./Corefile. */
  readonly conf: string
  /** Port of server blocks that name none; 0 lets the kernel choose. */
  readonly port: number
  readonly localIps: readonly string[]
  readonly setupInterface: boolean
  readonly setupIptables: boolean
  /** Whether these flags change the node's network. */
  readonly intercepts: boolean
  readonly skipTeardown: boolean
  /** Whether processes that do not ask may share the port as well. */
  readonly reusePort: boolean
  readonly interfaceName: string
  readonly syncIntervalMs: number
  /** host:port of the process's own metrics. */
  readonly metricsListenAddress: string
  /** Whether operators may read over HTTP, beside the metrics, what the admin socket tells. */
  readonly adminHttp: boolean
  /** What replaces `__PROMETHEUS__ENDPOINT__` in the template. */
  readonly prometheusListenAddress: string
  /** Template that -conf is made from. */
  readonly baseCorefile: string
  /** Whether it was named: the default one is not missed where it does not exist. */
  readonly baseCorefileNamed: boolean
  /** Directory of the kube-dns ConfigMap; it need not exist. */
  readonly kubeDnsConfigMap: string
  readonly upstreamService: string
  readonly healthPort: number
  readonly reloadWithSignal: boolean
  /** Path of the pid file, '' for none. */
  readonly pidfile: string
  readonly quiet: boolean
  readonly logFormat: 'json' | 'text'
  /** Flags that were accepted but do not do what they promise; for the log. */
  readonly warnings: readonly string[]
}

/** Where the official manifest mounts the kube-dns ConfigMap. */
export const KUBE_DNS = '/etc/kube-dns'

/** Port of server blocks that name none. */
export const DNS_PORT = 53

/**
 * Validates the flags of `dnslet serve` and fills in the defaults.
 * @throws UsageError with exit code 1 and node-cache's words
 */
export function serveOptions(given: GivenFlags): ServeOptions {
  const warnings: string[] = []
  const syncIntervalMs = syncInterval(given.text('syncinterval'), (text) => warnings.push(text))
  const localIps = localAddresses(given.text('localip'))
  if (given.isSet('corefile')) warnings.push('-corefile is ignored, as in node-cache: use -conf')
  const conf = given.text('conf')
  const baseCorefile = given.text('basecorefile')
  if (baseCorefile === '') warnings.push('-basecorefile is empty: -conf is served as it is')
  else if (given.isSet('basecorefile')) checkTemplate(conf)
  const port = portFlag(given, DNS_PORT)
  const setupInterface = setUp(given, 'setupinterface', localIps)
  const setupIptables = setUp(given, 'setupiptables', localIps)
  return Object.freeze({
    conf,
    port,
    localIps: Object.freeze(localIps),
    setupInterface,
    setupIptables,
    intercepts: setupInterface || setupIptables,
    skipTeardown: given.isOn('skipteardown'),
    reusePort: given.isOn('reuseport'),
    interfaceName: given.text('interfacename'),
    syncIntervalMs,
    metricsListenAddress: given.text('metrics-listen-address'),
    adminHttp: given.isOn('adminhttp'),
    prometheusListenAddress: given.text('prometheus-listen-address'),
    baseCorefile,
    baseCorefileNamed: baseCorefile !== '' && given.isSet('basecorefile'),
    // As in the original, an empty name means the default.
    kubeDnsConfigMap: given.text('kubednscm') || KUBE_DNS,
    upstreamService: given.text('upstreamsvc'),
    healthPort: healthPort(given.text('health-port')),
    reloadWithSignal: given.isOn('reloadwithsignal'),
    pidfile: given.text('pidfile'),
    quiet: given.isOn('quiet'),
    logFormat: logFormat(given.text('log-format')),
    warnings: Object.freeze(warnings),
  })
}

/** As in node-cache the default is true, but only where there are addresses to set up. */
function setUp(given: GivenFlags, name: string, localIps: readonly string[]): boolean {
  if (!given.isSet(name)) return localIps.length > 0
  if (given.isOn(name) && localIps.length === 0) {
    throw invalid(`-${name}=true needs -localip, the addresses to set up`)
  }
  return given.isOn(name)
}

/** The Corefile is written where -conf says. */
function checkTemplate(conf: string): void {
  if (conf === '' || conf === 'stdin') {
    throw invalid('-basecorefile needs -conf <path>, the file that the Corefile is written to')
  }
}

/** The addresses of -localip, none for ''. White space around them is no mistake worth a crash loop. */
export function localAddresses(list: string): string[] {
  if (list.trim() === '') return []
  return list.split(',').map((word) => {
    const address = word.trim()
    // isIP() takes a zone (fe80::1%eth0), an address of the node-local interface has none.
    if (isIP(address) === 0 || address.includes('%')) {
      throw invalid(`invalid localip specified - "${word}"`)
    }
    return address
  })
}

/** The value of -dns.port, or `fallback` where the flag is absent. */
export function portFlag(given: GivenFlags, fallback: number): number {
  if (!given.isSet('dns.port')) return fallback
  const value = given.text('dns.port')
  const number = portNumber(value)
  if (number === null) throw invalid(`invalid port specified - "${value}"`)
  return number
}

function healthPort(value: string): number {
  const number = portNumber(value)
  // Port 0 would put a port nobody listens on into the rules.
  if (number === null || number === 0) {
    throw invalid(`invalid healthcheck port specified - "${value}"`)
  }
  return number
}

function logFormat(value: string): 'json' | 'text' {
  if (value === 'json' || value === 'text') return value
  throw invalid(`invalid log-format specified - "${value}": want json or text`)
}

/** 0 to 65,535, or null; a plus sign is allowed, as in Go's Atoi. */
function portNumber(value: string): number | null {
  if (!/^\+?\d{1,5}$/.test(value)) return null
  const number = Number(value)
  return number <= 65_535 ? number : null
}

/**
 * The milliseconds of `-syncinterval`, a Go duration. node-cache multiplies its value by a second, so
 * that its users write `60ns` for a minute (and `60s` gives them 147 years): whole nanoseconds mean
 * seconds here too, everything else means what it says.
 *
 * @param warn hears of the former
 * @throws UsageError where it is no duration or under a second
 */
function syncInterval(value: string, warn: (message: string) => void): number {
  const seconds = /^\+?(\d+)ns$/.exec(value)?.[1]
  const ms = milliseconds(seconds === undefined ? value : `${seconds}s`)
  if (ms === null) {
    throw new UsageError(2, `invalid value "${value}" for flag -syncinterval: parse error`)
  }
  if (ms < LEAST_MS) throw invalid(`invalid syncinterval specified - "${value}": less than 1s`)
  if (seconds !== undefined) {
    warn(`-syncinterval=${value} is taken as ${seconds} s, as node-cache does: write ${seconds}s`)
  }
  return Math.min(ms, LONGEST_TIMER_MS)
}

function milliseconds(text: string): number | null {
  try {
    return duration({ text, file: '-syncinterval', line: 0 })
  } catch (error) {
    if (error instanceof CorefileError) return null
    throw error
  }
}
