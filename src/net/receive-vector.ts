import type { Libc } from '../sys/libc.ts'
import { MessageVector } from '../sys/mmsg.ts'
import { sockaddrSize } from '../sys/sockaddr.ts'
import { MAX_DATAGRAM } from './udp.ts'

/** Datagrams per recvmmsg. */
export const MOST_RECEIVED = 64
/** 65 × 64 bytes apart: odd for the sake of the processor's cache (see mmsg.ts). */
const STRIDE = MAX_DATAGRAM + 64

/** One for each family, shared by all sockets: what it holds is served, or copied, before the next call. */
const receiveVectors: { ipv4?: MessageVector; ipv6?: MessageVector } = {}

/** What recvmmsg fills, up to `MOST_RECEIVED` at a time. */
export function receiveVector(libc: Libc, ipv6: boolean): MessageVector {
  const family = ipv6 ? 'ipv6' : 'ipv4'
  let vector = receiveVectors[family]
  if (vector === undefined) {
    vector = new MessageVector(libc, { count: MOST_RECEIVED, stride: STRIDE, size: MAX_DATAGRAM })
    // The kernel writes the same length back for every packet of the family.
    vector.setNameLength(sockaddrSize(ipv6))
    receiveVectors[family] = vector
  }
  return vector
}
