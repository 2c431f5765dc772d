import { readlinkSync } from 'node:fs'
import { resolve } from 'node:path'

import { type Identity, openStateDirectory } from '../host/state-directory.ts'
import type { Log } from '../lib/log.ts'
import type { ServeOptions } from '../options/serve-options.ts'

/** Whether this process runs in a pod of Kubernetes. */
export function inPod(): boolean {
  return process.env['KUBERNETES_SERVICE_HOST'] !== undefined
}

/** The directory in which this process and its successor find each other; null where there is none. */
export function openState(options: ServeOptions, log: Log): string | null {
  const needed = options.intercepts || inPod()
  return openStateDirectory({ env: process.env, identity: stateIdentity(options), needed, log })
}

/**
 * What a successor has in common with its predecessor, and no other dnslet that has the same state
 * directory: the addresses on the node, and the flags that a second DaemonSet for the same addresses
 * has to set differently (two health or metrics ports, `-skipteardown` for who must not take the
 * interface along). Where there are no addresses of the node's, the Corefile that is served.
 */
export function stateIdentity(options: ServeOptions): Identity {
  const { localIps, port, interfaceName, skipTeardown, healthPort, metricsListenAddress } = options
  const corefile = localIps.length > 0 ? [] : [resolve(options.conf), resolve(options.baseCorefile)]
  return {
    networkNamespace: networkNamespace(),
    options: [
      localIps.toSorted(),
      port,
      interfaceName,
      skipTeardown,
      healthPort,
      metricsListenAddress,
      ...corefile,
    ],
  }
}

/** '' where /proc does not tell. */
function networkNamespace(): string {
  try {
    return readlinkSync('/proc/self/ns/net')
  } catch {
    return ''
  }
}
