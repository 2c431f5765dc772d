import { isIPv4, isIPv6 } from 'node:net'

/** The four octets of an IPv4 address, or null. */
export function ipv4Octets(text: string): Uint8Array | null {
  return isIPv4(text) ? Uint8Array.from(text.split('.'), Number) : null
}

/** The sixteen octets of an IPv6 address without a zone, or null. */
export function ipv6Octets(text: string): Uint8Array | null {
  if (!isIPv6(text) || text.includes('%')) return null
  const tail = text.slice(text.lastIndexOf(':') + 1)
  const v4 = ipv4Octets(tail)
  // A dotted tail stands for two groups.
  const plain = v4 === null ? text : `${text.slice(0, -tail.length)}0:0`
  const [head = '', back] = plain.split('::')
  const groups = (part: string): string[] => (part === '' ? [] : part.split(':'))
  const left = groups(head)
  const right = back === undefined ? [] : groups(back)
  const octets = new Uint8Array(16)
  left.forEach((group, i) => octets.set(pair(group), 2 * i))
  right.forEach((group, i) => octets.set(pair(group), 16 - 2 * (right.length - i)))
  if (v4 !== null) octets.set(v4, 12)
  return octets
}

function pair(group: string): readonly [number, number] {
  const value = parseInt(group, 16)
  return [value >> 8, value & 0xff]
}
