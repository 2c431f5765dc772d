import { libc, type LibcResult } from '../sys/libc.ts'
import { batchedBackend } from './udp-batch.ts'
import { dgramBackend } from './udp-dgram.ts'
import type { UdpBackend } from './udp.ts'

/**
 * Batched UDP where the C library can be called, else node:dgram. `DNSLET_UDP=dgram` turns batching
 * off, and nothing else; any other value changes nothing. `backend.reason` says why, for one line of log.
 */
export function chooseUdpBackend(
  env: Readonly<Record<string, string | undefined>>,
  load: () => LibcResult = libc,
): UdpBackend {
  const loaded = load()
  if (env['DNSLET_UDP'] === 'dgram') return dgramBackend('DNSLET_UDP=dgram')
  if (loaded.libc === null) return dgramBackend(loaded.reason)
  return batchedBackend(loaded.libc, 'the C library can be called')
}
