import type { Examination } from './examination.ts'
import { addresses } from './examinations/addresses.ts'
import { clientTraffic } from './examinations/client-traffic.ts'
import { conntrack } from './examinations/conntrack.ts'
import { daemon } from './examinations/daemon.ts'
import { interception } from './examinations/interception.ts'
import { kernelSettings } from './examinations/kernel-settings.ts'
import { kubeProxy } from './examinations/kube-proxy.ts'
import { leftovers } from './examinations/leftovers.ts'
import { nodeFiles } from './examinations/node-files.ts'
import { ownQueries } from './examinations/own-queries.ts'
import { podView } from './examinations/pod-view.ts'
import { receiveDrops } from './examinations/receive-drops.ts'
import { resolver } from './examinations/resolver.ts'
import { rights } from './examinations/rights.ts'
import { upstreams } from './examinations/upstreams.ts'
import { versions } from './examinations/versions.ts'

/** All of them, in the order in which a person would look: causes before what they cause. */
export const examinations: readonly Examination[] = [
  daemon,
  interception,
  addresses,
  ownQueries,
  clientTraffic,
  kubeProxy,
  resolver,
  upstreams,
  conntrack,
  receiveDrops,
  kernelSettings,
  nodeFiles,
  rights,
  podView,
  leftovers,
  versions,
]
