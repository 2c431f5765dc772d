/** A wildcard listener takes IPv4 too and shows it as ::ffff:192.0.2.1. */
export function unmapped(address = ''): string {
  return address.startsWith('::ffff:') ? address.slice(7) : address
}
