import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'

import { DnsletError } from '../lib/errors.ts'
import type { Daemon } from '../daemon/daemon.ts'

/** Questions before a successor gives up: a datagram may be lost. */
const ATTEMPTS = 2
/** Looks whether the upstream Service has an address by now, and milliseconds between them: 15 s. */
const LOOKS = 60
const LOOK_MS = 250

export interface ProveParts {
  readonly daemon: Pick<Daemon, 'selfQuery'>
  /** Whether the upstream Service has an address; without its environment variable it is looked up. */
  readonly upstreamKnown: () => boolean
  /** The cluster's, absolute. */
  readonly zone: string
  /** Default: real time. */
  readonly wait?: (ms: number) => Promise<unknown>
}

/**
 * A successor has to be able to do what a first start must, before its predecessor goes: the daemon
 * gets an answer that only an upstream can give. Meanwhile it reads the shared sockets, so that where it
 * fails some misses have failed with it. Rejects with DnsletError, E_UPSTREAM.
 */
export async function proveUpstream(parts: ProveParts): Promise<void> {
  const { daemon, upstreamKnown, zone, wait = sleep } = parts
  for (let look = 0; !upstreamKnown(); look++) {
    if (look === LOOKS) throw cannot('the address of the upstream Service is not known')
    await wait(LOOK_MS)
  }
  let problem: string | null = null
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    // A name that the predecessor's cache does not know.
    const name = `dnslet-${randomBytes(6).toString('hex')}.default.svc.${zone}`
    problem = await daemon.selfQuery(name)
    if (problem === null) return
  }
  throw cannot(problem)
}

function cannot(problem: string | null): DnsletError {
  return new DnsletError('E_UPSTREAM', `Cannot take over: ${problem}; the running dnslet serves on`)
}
