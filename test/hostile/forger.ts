import { libc, type Libc } from '../../src/sys/libc.ts'
import { check } from '../../src/sys/socket.ts'
import { AF_INET, writeSockaddr } from '../../src/sys/sockaddr.ts'
import type { Owner } from '../helpers/processes.ts'

const SOCK_RAW = 3
const IPPROTO_ICMP = 1
const LOCALHOST = [127, 0, 0, 1] as const

/** False, or why nothing can be forged here. */
export const cannotForge: string | false =
  libc().libc !== null && process.getuid?.() === 0 ? false : 'needs root and the C library'

/** Sends "port unreachable" for a datagram that 127.0.0.1 is said to have sent. */
export function makeForger(owner: Owner): (from: number, to: number) => void {
  const system: Libc = libc().libc!
  const fd = system.socket(AF_INET, SOCK_RAW, IPPROTO_ICMP)
  check(system, 'socket', fd)
  owner.after(() => void system.close(fd))
  const name = Buffer.alloc(16)
  writeSockaddr(system, name, false, '127.0.0.1', 0)
  check(system, 'connect', system.connect(fd, name, name.length))
  return (from, to) => {
    const udp = [from >> 8, from & 255, to >> 8, to & 255, 0, 40, 0, 0]
    const ip = [0x45, 0, 0, 60, 0, 0, 0, 0, 64, 17, 0, 0, ...LOCALHOST, ...LOCALHOST]
    const packet = Buffer.from([3, 3, 0, 0, 0, 0, 0, 0, ...ip, ...udp])
    let sum = 0
    for (let i = 0; i < packet.length; i += 2) sum += packet.readUInt16BE(i)
    while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16)
    packet.writeUInt16BE(~sum & 0xffff, 2)
    system.send(fd, packet, packet.length, 0)
  }
}
