import { reasonOf } from '../lib/errors.ts'
import type { Log } from '../lib/log.ts'
import type { MetricSpec } from '../lib/metrics.ts'

/** Failures to set the node up, by kind, over the life of the process. */
export const setupErrors = {
  /** A rule could not be checked, added or removed. */
  iptables: 0,
  /** The same, because another process held the lock of iptables. */
  iptables_lock: 0,
  /** The interface was missing and could not be made. */
  interface_add: 0,
  /** The interface could not be checked. */
  interface_check: 0,
  /** The base Corefile or the kube-dns ConfigMap could not be used, or the Corefile not be written. */
  configmap: 0,
}

export const setupErrorsMetric: MetricSpec = {
  name: 'coredns_nodecache_setup_errors_total',
  help: 'Failures to set up interface, rules and Corefile, by kind.',
  type: 'counter',
  labels: ['errortype'],
  collect: (emit) => {
    for (const [kind, count] of Object.entries(setupErrors)) emit([kind], count)
  },
}

type Kind = keyof typeof setupErrors

/** What iptables says then, of whatever version. */
const LOCKED = 'holding the xtables lock'
/** Messages of a kind that are remembered: a program's words may be others each time. */
const MOST = 20

/** Failures to set the node up: each is counted, and said once. Some are tried again each second. */
export class SetupFailures {
  readonly #log: Log
  /** What was said, until that kind of thing succeeds. */
  readonly #said = new Map<Kind, Set<string>>()

  constructor(log: Log) {
    this.#log = log
  }

  failed(kind: Kind, cause: unknown): void {
    const message = reasonOf(cause)
    setupErrors[kind === 'iptables' && message.includes(LOCKED) ? 'iptables_lock' : kind]++
    const said = this.#said.get(kind) ?? new Set()
    this.#said.set(kind, said)
    if (said.has(message)) return
    if (said.size === MOST) said.clear()
    said.add(message)
    this.#log.error(message)
  }

  /** What fails from now on is news. */
  succeeded(kind: Kind): void {
    this.#said.delete(kind)
  }
}
