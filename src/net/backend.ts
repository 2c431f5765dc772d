import { type Libc, libc, type LibcResult } from '../sys/libc.ts'
import { batchedBackend } from './udp-batch.ts'
import { dgramBackend } from './udp-dgram.ts'
import type { UdpBackend } from './udp.ts'

const EBADF = 9

/**
 * Batched UDP where the C library can be called and the kernel takes its calls, else node:dgram. `DNSLET_UDP=dgram`
 * turns batching off, and nothing else; any other value changes nothing. `backend.reason` says why, for one line of log.
 */
export function chooseUdpBackend(
  env: Readonly<Record<string, string | undefined>>,
  load: () => LibcResult = libc,
): UdpBackend {
  const loaded = load()
  if (env['DNSLET_UDP'] === 'dgram') return dgramBackend('DNSLET_UDP=dgram')
  if (loaded.libc === null) return dgramBackend(loaded.reason)
  const refused = refusedCall(loaded.libc)
  if (refused !== null) return dgramBackend(`${refused}() is refused, by a seccomp profile perhaps`)
  return batchedBackend(loaded.libc, 'the C library can be called')
}

/** A call that is refused whatever it is about: without a descriptor the kernel finds no other fault. */
function refusedCall(calls: Libc): 'recvmmsg' | 'sendmmsg' | null {
  if (calls.recvmmsg(-1, 0, 0, 0, 0) < 0 && calls.errno() !== EBADF) return 'recvmmsg'
  if (calls.sendmmsg(-1, 0, 0, 0) < 0 && calls.errno() !== EBADF) return 'sendmmsg'
  return null
}
