import { isIP } from 'node:net'

import { canonicalAddress } from '../lib/address.ts'
import { DnsletError } from '../lib/errors.ts'
import { listInterfaces } from '../lib/interfaces.ts'
import type { Libc } from './libc.ts'

export const AF_INET = 2
export const AF_INET6 = 10

/** Bytes of a struct sockaddr_in and a struct sockaddr_in6. */
const INET_SIZE = 16
const INET6_SIZE = 28

/** Octets of a socket address of this family. */
export function sockaddrSize(ipv6: boolean): number {
  return ipv6 ? INET6_SIZE : INET_SIZE
}

/**
 * Writes a socket address as the kernel reads it; false where the text is no address of the family.
 * `address` may carry a scope: `fe80::1%eth0`, `fe80::1%2`.
 *
 *     sockaddr_in    family 2 (host order) | port 2 | address 4 | zero 8
 *     sockaddr_in6   family 2 (host order) | port 2 | flow 4 | address 16 | scope 4 (host order)
 */
export function writeSockaddr(
  libc: Libc,
  out: Buffer,
  ipv6: boolean,
  address: string,
  port: number,
): boolean {
  out.fill(0, 0, sockaddrSize(ipv6))
  out.writeUInt16LE(ipv6 ? AF_INET6 : AF_INET, 0)
  out.writeUInt16BE(port, 2)
  if (!ipv6) return libc.inet_pton(AF_INET, address, out.subarray(4)) === 1
  const percent = address.indexOf('%')
  const bare = percent < 0 ? address : address.slice(0, percent)
  if (percent >= 0) out.writeUInt32LE(scopeId(libc, address.slice(percent + 1)), 24)
  return libc.inet_pton(AF_INET6, bare, out.subarray(8)) === 1
}

function scopeId(libc: Libc, scope: string): number {
  return /^\d{1,9}$/.test(scope) ? Number(scope) : libc.if_nametoindex(scope)
}

/**
 * The socket address, 28 octets, of a client as Node gives its address and port: what `writeSockaddr`
 * writes, without the C library.
 */
export function clientSockaddr(address: string, port: number): Buffer {
  const out = Buffer.alloc(INET6_SIZE)
  out.writeUInt16BE(port, 2)
  if (!address.includes(':')) {
    out[0] = AF_INET
    for (const [i, octet] of address.split('.').entries()) out[4 + i] = Number(octet)
    return out
  }
  out[0] = AF_INET6
  const [bare = '', scope] = address.split('%')
  // The last two groups may be written as an IPv4 address.
  const [front, back] = (bare.includes('.') ? canonicalAddress(bare) : bare)
    .split('::')
    .map(groupsOf)
  front!.forEach((group, i) => out.writeUInt16BE(group, 8 + 2 * i))
  back?.forEach((group, i) => out.writeUInt16BE(group, 24 - 2 * (back.length - i)))
  const own = scope === undefined ? [] : (listInterfaces()?.[scope] ?? [])
  out.writeUInt32LE(own.find(({ scopeid = 0 }) => scopeid > 0)?.scopeid ?? 0, 24)
  return out
}

function groupsOf(text: string): number[] {
  return text === '' ? [] : text.split(':').map((group) => parseInt(group, 16))
}

/** The address as text, with its scope where it has one, as Node takes it to send to. */
export function scopedAddress(name: Buffer): string {
  const address = sockaddrAddress(name)
  const scope = name[0] === AF_INET6 ? name.readUInt32LE(24) : 0
  if (scope === 0) return address
  const all = Object.entries(listInterfaces() ?? {})
  const device = all.find(([, own]) => own?.some(({ scopeid }) => scopeid === scope))
  return device === undefined ? address : `${address}%${device[0]}`
}

/** The port of a socket address. */
export function sockaddrPort(name: Uint8Array): number {
  return (name[2]! << 8) | name[3]!
}

/** The address as text, IPv6 without brackets or scope. */
export function sockaddrAddress(name: Uint8Array): string {
  return ipText(name[0] === AF_INET6 ? name.subarray(8, 24) : name.subarray(4, 8))
}

/** The four or sixteen octets of an IP address without a scope. Throws DnsletError, E_ADDRESS. */
export function ipOctets(libc: Libc, address: string): Buffer {
  const version = isIP(address)
  const octets = Buffer.alloc(version === 4 ? 4 : 16)
  const family = version === 4 ? AF_INET : AF_INET6
  if (version === 0 || libc.inet_pton(family, address, octets) !== 1) {
    throw new DnsletError('E_ADDRESS', `Cannot read "${address}": not an IP address`)
  }
  return octets
}

/** Four or sixteen octets as text, IPv6 in the form of RFC 5952. */
export function ipText(octets: Uint8Array): string {
  if (octets.length === 4) return octets.join('.')
  const groups = Array.from({ length: 8 }, (_, i) =>
    ((octets[2 * i]! << 8) | octets[2 * i + 1]!).toString(16),
  )
  return canonicalAddress(groups.join(':'))
}
