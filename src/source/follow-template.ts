import { fileStamp } from '../lib/file-stamp.ts'
import { beat } from '../lib/beat.ts'
import type { Log } from '../lib/log.ts'
import type { TemplateSource } from './template-source.ts'
import { kubeDnsFiles } from './template/kube-dns-config.ts'
import type { UpstreamService } from './template/upstream-service.ts'
import { type StopWatching, watchDirectory, watchFile } from './watch-directory.ts'

/** Seconds: the safety net under file notifications; the original's interval. */
const POLL = 10
/** A Service is looked for this often at first, 60 times, then every sync interval. */
const SEEK_MS = 1_000
const EAGER_SEEKS = 60

export interface FollowTemplateParts {
  readonly source: TemplateSource
  readonly base: string
  readonly kubeDns: string
  readonly service: string
  readonly upstream: UpstreamService
  readonly syncIntervalMs: number
  readonly log: Log
  /** Called when a load may give another Corefile. */
  readonly changed: () => void
}

/**
 * Follows what a Corefile is made of: base file and ConfigMap by file notification and every ten
 * seconds, the upstream Service by its name in DNS.
 */
export function followTemplate(parts: FollowTemplateParts): StopWatching {
  const stopFiles = followFiles(parts)
  const stopUpstream = followUpstream(parts)
  return () => {
    stopFiles()
    stopUpstream()
  }
}

function followFiles({ base, kubeDns, changed }: FollowTemplateParts): StopWatching {
  const watchBoth = (): readonly StopWatching[] => [
    watchFile(base, changed),
    watchDirectory(kubeDns, changed),
  ]
  const stamps = (): string => [base, ...kubeDnsFiles(kubeDns)].map(fileStamp).join()
  let seen = stamps()
  let watches = watchBoth()
  const endPolls = beat.every(POLL, () => {
    // Anew: a directory may have been replaced, or may only now exist.
    for (const stop of watches) stop()
    watches = watchBoth()
    const before = seen
    seen = stamps()
    if (seen !== before) changed()
  })
  return () => {
    endPolls()
    for (const stop of watches) stop()
  }
}

function followUpstream(parts: FollowTemplateParts): StopWatching {
  const { source, service, upstream, syncIntervalMs, log, changed } = parts
  let timer: NodeJS.Timeout | null = null
  let stopped = false
  /** Since the address was known last. */
  let seeks = 0
  const seek = async (): Promise<void> => {
    const { clusterDomain } = source
    if (clusterDomain !== null && (await upstream.find(clusterDomain)) && !stopped) {
      log.info(`Upstream service ${service} has the address ${upstream.address}`)
      changed()
    }
    if (!stopped) schedule()
  }
  const schedule = (): void => {
    const known = source.upstreamKnown
    seeks = known ? 0 : seeks + 1
    if (seeks === 1) {
      log.warning(
        `Unable to lookup IP address of Upstream service ${service}: ${upstream.reason}. ` +
          'Zones that need it answer SERVFAIL until its name is found in the DNS of the cluster, ' +
          'which is asked every second for a minute, then every -syncinterval',
      )
    }
    const eager = !known && seeks <= EAGER_SEEKS
    timer = setTimeout(() => void seek(), eager ? SEEK_MS : syncIntervalMs).unref()
  }
  schedule()
  return () => {
    stopped = true
    if (timer !== null) clearTimeout(timer)
  }
}
