import { type Endpoint, joinHostPort } from '../../lib/address.ts'
import { reasonOf } from '../../lib/errors.ts'
import { hexDump } from '../../lib/hex-dump.ts'
import type { Log } from '../../lib/log.ts'
import type { Services } from '../../serve/plugin.ts'
import { makeContext, type Strange, type UpstreamContext } from '../../upstream/context.ts'
import { Transport, transportNames } from '../../upstream/counters.ts'
import { Upstream, type UpstreamEvents } from '../../upstream/upstream.ts'
import { type Encryption, TlsIdentity } from '../../upstream/secure.ts'
import type { UpstreamOptions } from '../../upstream/upstream-options.ts'
import { areDebugLinesPrinted } from '../../telemetry/log-level.ts'
import type { ForwardConfig } from './config.ts'
import type { Destination, Manner } from './destination.ts'
import { readNameservers } from './nameservers.ts'
import { resolveHost } from './resolve.ts'

/**
 * How often the files among the upstreams are read, in milliseconds. A few lines of a local file cost
 * less than a watch, which would miss a change made while it is being set up.
 */
const REREAD_MS = 5000

/**
 * The upstreams of one directive. Addresses and files are known at once, names after start(). A file
 * that changes replaces the upstreams it gave; one that becomes unreadable or empty changes nothing.
 * Upstreams with their connections outlive a reload that still names them with the same options.
 */
export class UpstreamList {
  /** Those to ask, each once, in the order of the directive; a new array with every change. */
  current: readonly Upstream[] = []
  readonly #config: ForwardConfig
  readonly #services: Services
  readonly #context: UpstreamContext
  readonly #log: Log
  /** What each TO stands for. */
  readonly #endpoints: (readonly Endpoint[])[]
  readonly #rereadMs: number
  /** What was wrong with a file when it was last read, by position. */
  readonly #problems: (string | null)[]
  #identity: TlsIdentity | null = null
  #interval: NodeJS.Timeout | null = null
  #stopped = false

  /** Throws where a file cannot be used. */
  constructor(config: ForwardConfig, services: Services, rereadMs: number = REREAD_MS) {
    this.#config = config
    this.#services = services
    this.#rereadMs = rereadMs
    this.#log = services.log.plugin('forward')
    this.#context = services.keep('forward context', () =>
      makeContext(services.clock, dumpInto(this.#log)),
    )
    this.#endpoints = config.to.map(endpointsOf)
    this.#problems = config.to.map(() => null)
    this.#build()
  }

  get context(): UpstreamContext {
    return this.#context
  }

  /** Resolves the names and begins to reread the files. Rejects where a name has no address. */
  async start(): Promise<void> {
    const { resolvers, to } = this.#config
    await Promise.all(
      to.map(async (destination, i) => {
        if (destination.kind !== 'name') return
        const { host, port } = destination
        this.#endpoints[i] = await resolveHost(host, port, resolvers)
      }),
    )
    // Another directive's start may have failed meanwhile.
    if (this.#stopped) return
    this.#build()
    if (!to.some(({ kind }) => kind === 'file')) return
    this.#interval = setInterval(() => {
      to.forEach((destination, i) => {
        if (destination.kind === 'file') this.#reread(destination.path, i)
      })
    }, this.#rereadMs)
    this.#interval.unref()
  }

  stop(): void {
    this.#stopped = true
    if (this.#interval !== null) clearInterval(this.#interval)
  }

  /** For `dnslet check`: each TO and what it stands for. */
  describe(): readonly string[] {
    return this.#config.to.map((destination, i) => {
      const addresses = textOf(this.#endpoints[i]!)
      if (destination.kind === 'address') return addresses
      if (destination.kind === 'file') return `${addresses} (from ${destination.path})`
      return `${destination.host} port ${destination.port} (resolved at start)`
    })
  }

  #reread(path: string, i: number): void {
    const before = textOf(this.#endpoints[i]!)
    try {
      this.#endpoints[i] = readNameservers(path)
    } catch (error) {
      const reason = reasonOf(error)
      if (reason !== this.#problems[i]) this.#log.warning(`${reason}; still asking ${before}`)
      this.#problems[i] = reason
      return
    }
    this.#problems[i] = null
    const after = textOf(this.#endpoints[i])
    if (after === before) return
    this.#build()
    this.#log.info(`${path} has changed: asking ${after} instead of ${before}`)
  }

  #build(): void {
    const all = this.#config.to.flatMap((destination, i) => {
      const encryption = this.#encryption(destination)
      return this.#endpoints[i]!.map((endpoint) => this.#upstream(endpoint, encryption))
    })
    // One that is named twice is kept once: a second attempt there is no attempt elsewhere.
    this.current = [...new Set(all)]
  }

  #encryption({ scheme, serverName }: Manner): Encryption | null {
    if (scheme === 'dns') return null
    const { dohMethod: method, serverName: common, tls } = this.#config
    this.#identity ??= new TlsIdentity(tls ?? { ca: null, cert: null, key: null }).prepare()
    const transport = scheme === 'tls' ? Transport.Tls : Transport.Https
    return { transport, identity: this.#identity, serverName: common ?? serverName, method }
  }

  #upstream(endpoint: Endpoint, encryption: Encryption | null): Upstream {
    const { expire, healthCheck, maxAge, maxFails, maxIdleConns, readTimeout, source } =
      this.#config
    const options: UpstreamOptions = {
      source,
      expire,
      maxAge,
      maxIdle: maxIdleConns,
      readTimeout,
      maxFails,
      checkInterval: healthCheck.interval,
      checkDomain: healthCheck.domain,
      checkRecursion: healthCheck.recursionDesired,
      encryption,
    }
    return this.#services.keep(
      `forward upstream ${joinHostPort(endpoint.host, endpoint.port)} ${JSON.stringify(options)}`,
      () => new Upstream(endpoint, options, this.#context, eventsFor(this.#log)),
      closeUpstream,
    )
  }
}

function textOf(endpoints: readonly Endpoint[]): string {
  return endpoints.map(({ host, port }) => joinHostPort(host, port)).join(' ')
}

function endpointsOf(destination: Destination): readonly Endpoint[] {
  switch (destination.kind) {
    case 'address':
      return [destination.endpoint]
    case 'file':
      return readNameservers(destination.path)
    case 'name':
      return []
  }
}

function closeUpstream(upstream: Upstream): void {
  upstream.close()
}

/** For the `debug` directive. Outlives the configuration, as what `eventsFor()` gives does. */
function dumpInto(log: Log): Strange {
  return (upstream, message, length) => {
    if (!areDebugLinesPrinted()) return
    const dump = hexDump(message.subarray(0, length))
    log.debug(`${upstream} sent what is no answer, ${length} octets\n${dump}`)
  }
}

/**
 * What an upstream tells outlives the configuration that made it, as the upstream does: of all that a
 * configuration is, it must hold no more than the log.
 */
function eventsFor(log: Log): UpstreamEvents {
  return {
    healthChanged(upstream, transport, down) {
      const over = `upstream ${upstream.name} over ${transportNames[transport]}`
      if (down) log.warning(`${over} is down: it does not answer health checks`)
      else log.info(`${over} is up again`)
    },
    distrustBegins({ name }, reason) {
      log.error(`upstream ${name} is not trusted, its answers are not taken: ${reason}`)
    },
    crowdBegins({ name }) {
      log.warning(
        `names that upstream ${name} does not answer hold most of its connections: other clients go before ` +
          'the one who asks for them (further times are counted in dnslet_upstream_crowds_total)',
      )
    },
  }
}
