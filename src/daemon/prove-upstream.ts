import { randomBytes } from 'node:crypto'

import { DnsletError } from '../lib/errors.ts'
import type { Daemon } from './daemon.ts'

/** Questions before a successor gives up: a datagram may be lost. */
const ATTEMPTS = 2

/**
 * A successor has to be able to do what a first start must, before its predecessor goes: `daemon` gets
 * an answer that only an upstream can give. Rejects with DnsletError, E_UPSTREAM.
 *
 * @param upstreamKnown whether the upstream Service has an address
 * @param zone the cluster's, absolute
 */
export async function proveUpstream(
  daemon: Pick<Daemon, 'selfQuery'>,
  upstreamKnown: () => boolean,
  zone: string,
): Promise<void> {
  let problem: string | null = null
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    // A name that the predecessor's cache does not know.
    const name = `dnslet-${randomBytes(6).toString('hex')}.default.svc.${zone}`
    problem = upstreamKnown()
      ? await daemon.selfQuery(name)
      : 'the address of the upstream Service is not known'
    if (problem === null) return
  }
  const message = `Cannot take over: ${problem}; the running dnslet serves on`
  throw new DnsletError('E_UPSTREAM', message)
}
