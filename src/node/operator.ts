import { Admin } from '../admin/index.ts'
import { openWatch, type WatchParts, watchRoutes } from '../admin/watch/routes.ts'
import { sourceCounts } from '../admin/watch/sources.ts'
import type { Daemon } from '../daemon/daemon.ts'
import type { OpenParts } from '../daemon/open.ts'
import { readNodeNetworks } from '../host/node-networks.ts'
import type { Log } from '../lib/log.ts'
import type { ServeOptions } from '../options/serve-options.ts'
import { nodeMetrics } from './metrics.ts'

/** What operators see of a daemon: what is counted for them from its start on, and what they ask. */
export class Operator {
  readonly #watch: WatchParts = openWatch(process.env)
  #admin: Admin | null = null

  /** What the daemon counts, and does now and then, to be opened with. */
  get counts(): Pick<OpenParts, 'metrics' | 'networks' | 'tick'> {
    const { traffic } = this.#watch
    return { metrics: nodeMetrics, networks: readNodeNetworks, tick: () => traffic.tick() }
  }

  /**
   * What operators ask; serving DNS does not depend on it. The page is loaded where it is wanted. Never rejects.
   *
   * @param directory for the socket; null: there is none
   */
  async open(
    {
      adminHttp,
      intercepts,
      localIps,
    }: Pick<ServeOptions, 'adminHttp' | 'intercepts' | 'localIps'>,
    daemon: Daemon,
    directory: string | null,
    log: Log,
  ): Promise<void> {
    const watch = this.#watch
    const page = adminHttp ? await import('../admin/page/of-daemon.ts') : null
    this.#admin = await Admin.open({
      daemon,
      log,
      directory,
      overHttp: adminHttp,
      intercepts,
      addresses: intercepts ? localIps : [],
      sources: () => sourceCounts(),
      routes: watchRoutes(watch),
      ...(page === null ? {} : { pages: (status) => ({ '/': page.statusPage(status, watch) }) }),
    })
  }

  /** They ask somebody else from now on. */
  async close(): Promise<void> {
    await this.#admin?.close()
  }
}
