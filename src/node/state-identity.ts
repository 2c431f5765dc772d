import { readlinkSync } from 'node:fs'
import { resolve } from 'node:path'
import type { Identity } from '../host/state-directory.ts'
import type { ServeOptions } from '../options/serve-options.ts'

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
