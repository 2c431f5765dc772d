import { openStateDirectory } from '../host/state-directory.ts'
import { setupErrors } from '../host/setup-errors.ts'
import { CorefileCopy } from '../host/template/corefile-copy.ts'
import { UpstreamService } from '../host/template/upstream-service.ts'
import type { Log } from '../lib/log.ts'
import { knownDirectives } from '../plugins/index.ts'
import { clusterLookup } from './cluster-lookup.ts'
import { type Corefile, CorefileSource, type Source } from './corefile-source.ts'
import type { Fallback } from './daemon.ts'
import { followTemplate } from './follow-template.ts'
import { LastGood } from './last-good.ts'
import type { ServeOptions } from './serve-options.ts'
import { isTemplated, TemplateSource } from './template-source.ts'
import { type StopWatching, watchFile } from './watch-directory.ts'

/** Where the Corefile of `dnslet serve` comes from, and what stands in for one that is bad. */
export interface Configuration {
  readonly source: Source
  readonly fallbacks: readonly Fallback[]
  /** Has to be told of every Corefile that has come into service. Never throws. */
  readonly inService: (corefile: Corefile) => void
  /**
   * False while what is in service lacks the upstream Service's address: names of the cluster get
   * SERVFAIL, hence nothing may be intercepted.
   */
  readonly upstreamKnown: () => boolean
  /** Calls `changed` when the source may give another Corefile, until it is told to stop. */
  readonly follow: (changed: () => void) => StopWatching
}

type Environment = Readonly<Record<string, string | undefined>>

/** The configuration that the flags ask for. Reads nothing but whether the default base file exists. */
export function openConfiguration(
  options: ServeOptions,
  env: Environment,
  log: Log,
): Configuration {
  const { conf, baseCorefile: base, baseCorefileNamed } = options
  const state = openStateDirectory(env)
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
    inService: (corefile) => lastGood?.keep(corefile),
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
  const upstream = new UpstreamService({ service, env, localIps, lookup })
  const source = new TemplateSource({
    base,
    kubeDns,
    port,
    localIps,
    upstream,
    env,
    log,
    directives: knownDirectives,
  })
  const copy = new CorefileCopy(conf, state)
  let served = false
  return {
    source,
    fallbacks: [...lastGoodFallback(lastGood), () => withoutKubeDns(source)],
    inService(corefile) {
      const rendering = source.renderingOf(corefile)
      // The last good one had the address of its time.
      served = rendering?.upstreamKnown ?? true
      if (rendering === undefined) return
      if (served) lastGood?.keep(corefile)
      write(copy, corefile, conf, log)
    },
    upstreamKnown: () => served,
    follow(changed) {
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
  return lastGood === null ? [] : [(reason) => lastGood.instead(reason)]
}

/** What the base file alone gives; null where that is what has failed. */
function withoutKubeDns(source: TemplateSource): Corefile | null {
  try {
    return source.loadWithoutKubeDns()
  } catch {
    return null
  }
}

function write(copy: CorefileCopy, { text }: Corefile, conf: string, log: Log): void {
  try {
    const path = copy.write(text)
    if (path !== null && path !== conf) {
      log.info(`The Corefile is written to ${path}, because ${conf} is read-only`)
    }
  } catch (error) {
    setupErrors.configmap++
    log.error(`Cannot write the Corefile that is served to ${conf}: ${String(error)}`)
  }
}

/** While the last good Corefile is served, says so every sync interval and tries the present one. */
function complain(
  lastGood: LastGood | null,
  intervalMs: number,
  changed: () => void,
): StopWatching {
  const timer = setInterval(() => {
    if (lastGood?.inUse !== true) return
    lastGood.complain()
    changed()
  }, intervalMs).unref()
  return () => clearInterval(timer)
}
