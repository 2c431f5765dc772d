import { existsSync } from 'node:fs'
import { CorefileError } from '../corefile/error.ts'
import { setupErrors } from '../host/setup-errors.ts'
import { DnsletError, reasonOf } from '../lib/errors.ts'
import type { Log } from '../lib/log.ts'
import { KUBE_DNS, type ServeOptions } from '../options/serve-options.ts'
import { knownDirectives } from '../plugins/index.ts'
import { clusterLookup, lookupAt } from './cluster-lookup.ts'
import { type Corefile, CorefileSource, type Fallback, type Source } from './corefile-source.ts'
import { followTemplate } from './follow-template.ts'
import { LastGood } from './last-good.ts'
import { isTemplated, TemplateSource } from './template-source.ts'
import { CorefileCopy } from './template/corefile-copy.ts'
import { UpstreamService } from './template/upstream-service.ts'
import { type StopWatching, watchFile } from './watch-directory.ts'

/** Where the Corefile of `dnslet serve` comes from, and what stands in for one that is bad. */
export interface Configuration {
  readonly source: Source
  readonly fallbacks: readonly Fallback[]
  /** Has to be told of every Corefile that has come into service. Never throws. */
  readonly inService: (corefile: Corefile) => void
  /**
   * False where a Corefile lacks the upstream Service's address: names of the cluster get SERVFAIL
   * from it, hence nothing may be intercepted.
   */
  readonly upstreamKnown: (corefile: Corefile) => boolean
  /** Calls `changed` when the source may give another Corefile, until it is told to stop. */
  readonly follow: (changed: () => void) => StopWatching
}

type Environment = Readonly<Record<string, string | undefined>>

/**
 * The configuration that the flags ask for. Reads nothing but whether the default base file exists.
 *
 * @param state the state directory, null where there is none
 */
export function openConfiguration(
  options: ServeOptions,
  env: Environment,
  log: Log,
  state: string | null,
): Configuration {
  const { conf, baseCorefile: base, baseCorefileNamed } = options
  const plain = new CorefileSource(conf, {
    directives: knownDirectives,
    env,
    warn: (message) => log.warning(message),
  })
  // Only what -conf names may be written.
  const templated = conf !== '' && plain.path !== null && isTemplated(base, baseCorefileNamed)
  const lastGood =
    state === null || plain.path === null
      ? null
      : new LastGood({ directory: state, conf: plain.path, base: templated ? base : null, log })
  const parts: Parts = { options, env, log, state, lastGood }
  return templated ? templateConfiguration(parts) : plainConfiguration(parts, plain)
}

interface Parts {
  readonly options: ServeOptions
  readonly env: Environment
  readonly log: Log
  /** The state directory, null where there is none. */
  readonly state: string | null
  readonly lastGood: LastGood | null
}

function plainConfiguration({ options, lastGood }: Parts, source: CorefileSource): Configuration {
  const { path } = source
  return {
    source,
    fallbacks: lastGoodFallback(lastGood),
    inService(corefile) {
      if (lastGood?.served(corefile) === false) lastGood.keep(corefile)
    },
    upstreamKnown: () => true,
    follow(changed) {
      const stopComplaints = complain(lastGood, options.syncIntervalMs, changed)
      // The last good Corefile may have no `reload` that would see the repair.
      const repaired = (): void => {
        if (lastGood?.inUse === true) changed()
      }
      const stopWatching = path === null ? (): void => {} : watchFile(path, repaired)
      return () => {
        stopComplaints()
        stopWatching()
      }
    },
  }
}

function templateConfiguration({ options, env, log, state, lastGood }: Parts): Configuration {
  const { baseCorefile: base, upstreamService: service, conf, localIps, port } = options
  const { kubeDnsConfigMap: kubeDns, syncIntervalMs } = options
  const lookup = clusterLookup(env, localIps)
  const upstream = new UpstreamService({ service, env, localIps, lookup, lookupAt })
  const source = new TemplateSource({
    base,
    kubeDns,
    port,
    localIps,
    prometheus: options.prometheusListenAddress,
    conf,
    upstream,
    env,
    log,
    directives: knownDirectives,
  })
  const copy = new CorefileCopy(conf, state, base)
  return {
    source,
    fallbacks: [...lastGoodFallback(lastGood), (reason) => withoutKubeDns(source, reason, log)],
    inService(corefile) {
      lastGood?.served(corefile)
      const rendering = source.renderingOf(corefile)
      if (rendering === undefined) return
      // Without the address it is no good to a node that starts with it.
      if (rendering.upstreamKnown) lastGood?.keep(corefile)
      if (!write(copy, corefile, conf, log)) return
      const { stubDomains, upstreamServers } = rendering
      const servers = upstreamServers.join(' ') || 'of the node'
      log.info(
        `Updated Corefile with ${stubDomains} custom stubdomains and upstream servers ${servers}`,
      )
    },
    // The last good one has the address of its time.
    upstreamKnown: (corefile) => source.renderingOf(corefile)?.upstreamKnown ?? true,
    follow(changed) {
      if (kubeDns !== KUBE_DNS && !existsSync(kubeDns)) {
        log.warning(
          `-kubednscm: there is no directory ${kubeDns}, hence no stub domains until it is`,
        )
      }
      const stopComplaints = complain(lastGood, syncIntervalMs, changed)
      const followed = { source, base, kubeDns, service, upstream, syncIntervalMs, log, changed }
      const stopFollowing = followTemplate(followed)
      return () => {
        stopComplaints()
        stopFollowing()
      }
    },
  }
}

function lastGoodFallback(lastGood: LastGood | null): readonly Fallback[] {
  return lastGood === null ? [] : [(reason, failed) => lastGood.instead(reason, failed)]
}

/**
 * Without the ConfigMap, where that is bad, or where what was made of it may be: DNS with fewer names is
 * better than none.
 */
function withoutKubeDns(source: TemplateSource, reason: unknown, log: Log): Corefile | null {
  if (!(reason instanceof DnsletError)) return null
  const isSuspect = reason instanceof CorefileError && source.usesKubeDns
  if (reason.code !== 'E_KUBE_DNS_CONFIG' && !isSuspect) return null
  try {
    const corefile = source.loadWithoutKubeDns(reason.message)
    const how = isSuspect ? 'trying' : 'serving'
    log.error(`${reason.message}; ${how} without stub domains until it is repaired`)
    return corefile
  } catch (error) {
    if (!isSuspect) log.error(reasonOf(error))
    return null
  }
}

/** Returns whether the Corefile is another than the last one that was written. */
function write(copy: CorefileCopy, { text }: Corefile, conf: string, log: Log): boolean {
  try {
    const before = copy.place
    const isNew = copy.write(text)
    if (copy.place !== before)
      log.info(`${conf} is left as it is: the Corefile is in ${copy.place}`)
    return isNew
  } catch (error) {
    setupErrors.configmap++
    log.error(`Cannot write the Corefile that is served to ${conf}: ${reasonOf(error)}`)
    return true
  }
}

/**
 * While the last good Corefile is served, says so every sync interval and tries the present one; else keeps
 * what the disk had no room for.
 */
function complain(
  lastGood: LastGood | null,
  intervalMs: number,
  changed: () => void,
): StopWatching {
  const timer = setInterval(() => {
    if (lastGood?.inUse !== true) return lastGood?.keepAgain()
    lastGood.complain()
    changed()
  }, intervalMs).unref()
  return () => clearInterval(timer)
}
