import { libc } from '../sys/libc.ts'
import { forgetSharing, shareAddress } from '../sys/socket.ts'

/**
 * Lets other processes of this user bind the address and port of a bound socket as well, or keeps them
 * out from now on; who is in stays. Nothing happens where the C library cannot be called, or `fd` is −1:
 * then they may, since all our sockets are bound so.
 */
export function sharePort(fd: number, shared: boolean): void {
  const system = libc().libc
  if (system !== null && fd >= 0) shareAddress(system, fd, shared)
}

/** The same for a listening TCP socket that is bound to one address of this machine. */
export function shareTcpPort(fd: number, port: number, shared: boolean): void {
  sharePort(fd, shared)
  const system = libc().libc
  if (system !== null && !shared) forgetSharing(system, port)
}
