import { getSystemErrorMessage } from 'node:util'

import { joinHostPort } from '../lib/address.ts'
import { DnsletError, reasonOf } from '../lib/errors.ts'

/** A listening address that cannot be opened. `code` is the kernel's name of the error. */
export class ListenError extends DnsletError {}

/** The kernel's words where Node's differ from those of CoreDNS. */
const reasons: Readonly<Record<string, string>> = {
  EADDRNOTAVAIL: 'cannot assign requested address',
  EAFNOSUPPORT: 'address family not supported by protocol',
}

/**
 * `Listen: listen tcp 127.0.0.1:53: bind: address already in use (…)`, for UDP with `ListenPacket`,
 * and what to do about it.
 */
export function listenError(
  protocol: 'tcp' | 'udp',
  host: string,
  port: number,
  cause: unknown,
): ListenError {
  const { code = 'E_LISTEN', errno, syscall } = cause as NodeJS.ErrnoException
  const call = protocol === 'tcp' ? 'Listen' : 'ListenPacket'
  const failed = syscall === 'socket' ? 'socket' : 'bind'
  const where = joinHostPort(host, port)
  const what = reasons[code] ?? describe(errno, cause)
  const remedy = remedies[code]?.(protocol, where, port)
  return new ListenError(
    code,
    `${call}: listen ${protocol} ${where}: ${failed}: ${what}${remedy ? ` (${remedy})` : ''}`,
    { cause },
  )
}

type Remedy = (protocol: string, where: string, port: number) => string

const remedies: Readonly<Record<string, Remedy>> = {
  EADDRINUSE: (protocol, _where, port) =>
    `"ss -lnp${protocol === 'tcp' ? 't' : 'u'} sport = :${port}" names the program that holds it`,
  EACCES: () => 'ports below 1024 need CAP_NET_BIND_SERVICE',
  EADDRNOTAVAIL: () => 'this machine does not have the address: "ip address" lists those it has',
  EAFNOSUPPORT: () => 'the kernel runs without this address family: take the address out of bind',
  EMFILE: () => 'raise the limit of open files: "ulimit -n"',
}

function describe(errno: number | undefined, cause: unknown): string {
  if (errno !== undefined) return getSystemErrorMessage(-Math.abs(errno)).toLowerCase()
  return reasonOf(cause)
}
