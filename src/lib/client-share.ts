import { unmapped } from './address.ts'

/**
 * Whose share of a bound a client's connection or query counts against: the address, of IPv6 the /64,
 * since a host there has all of its addresses. Takes what Node gives as a remote address; an IPv4
 * address in IPv6 form (`::ffff:192.0.2.1`) is that IPv4 address, an unknown one ('') a client as well.
 */
export function clientOf(address: string): string {
  const unicast = unmapped(address)
  if (!unicast.includes(':')) return unicast
  const [bare = '', scope] = address.split('%')
  const [head = '', tail] = bare.toLowerCase().split('::')
  const front = head === '' ? [] : head.split(':')
  const back = tail === undefined || tail === '' ? [] : tail.split(':')
  const zeros = Math.max(0, 8 - front.length - back.length)
  const words = [...front, ...Array.from({ length: zeros }, () => '0'), ...back].slice(0, 4)
  const prefix = words.map((word) => word.replace(/^0+(?=.)/, '')).join(':')
  return `${prefix}::/64${scope === undefined ? '' : `%${scope}`}`
}
