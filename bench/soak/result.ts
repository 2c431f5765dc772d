import type { ClientReport } from './client-report.ts'
import type { Asked } from './kube-dns.ts'

/** A look at a server's process. */
export interface Look {
  /** Seconds since the clients began. */
  readonly second: number
  /** CPU time so far, in nanoseconds. */
  readonly cpu: number
  /** How long its main thread could have run and was not let, in nanoseconds so far. */
  readonly waited: number
  /** KiB. */
  readonly rss: number
  readonly rssAnon: number
  /** Open descriptors. */
  readonly descriptors: number
}

/** What became of one server. */
export interface ServerResult {
  readonly name: string
  readonly client: ClientReport
  readonly looks: readonly Look[]
  /** Editions of its Corefile that it loaded, of those that were written; null: it reads none. */
  readonly reloads: { readonly written: number; readonly loaded: number } | null
  readonly restarts: number
  /** What the kube-dns pods were asked. dnslet asks over TCP: what comes over UDP has passed it by. */
  readonly upstream: Asked
}

export interface SoakResult {
  readonly startedAt: string
  readonly seconds: number
  readonly interrupted: boolean
  readonly rate: number
  readonly reloadEvery: number
  readonly restartEvery: number
  /** Where it ran, for people. */
  readonly where: string
  /** Of all cores: the share that was in use, and that of the servers, their clients and kube-dns pods. */
  readonly machine: { readonly busy: number; readonly own: number; readonly cores: number }
  readonly servers: readonly ServerResult[]
}
