/** Characters that RFC 1035 §5.1 gives a meaning, and that a label may hold only after a backslash. */
const SPECIAL = /["'();@\\. ]/

function presentOctet(octet: number): string {
  const c = String.fromCharCode(octet)
  if (octet < 0x20 || octet > 0x7e) return `\\${String(octet).padStart(3, '0')}`
  return SPECIAL.test(c) ? `\\${c}` : c.toLowerCase()
}

/**
 * The canonical presentation of a domain name: fully qualified, lower case, every octet written in
 * one way only, so that two names are equal exactly when their texts are. Null for what is no
 * domain name: empty labels, labels beyond 63 or names beyond 255 octets, broken escapes.
 */
export function canonicalName(text: string): string | null {
  if (text === '.') return '.'
  // No name fits its 255 octets in more text than this, even with four characters for each.
  if (text === '' || text.length > 1_024) return null
  const octets = new TextEncoder().encode(text)
  const dot = 0x2e
  let name = ''
  let label = 0
  let total = 1
  for (let at = 0; at < octets.length; at++) {
    let octet = octets[at] ?? 0
    if (octet === dot) {
      if (label === 0) return null
      name += '.'
      label = 0
      total++
      continue
    }
    if (octet === 0x5c) {
      const escape = /^(?:[0-9]{3}|[^0-9])/.exec(
        String.fromCharCode(...octets.slice(at + 1, at + 4)),
      )
      if (escape === null) return null
      const [digits] = escape
      octet = digits.length === 3 ? Number(digits) : digits.charCodeAt(0)
      if (octet > 255) return null
      at += digits.length
    }
    name += presentOctet(octet)
    total++
    if (++label > 63) return null
  }
  if (label > 0) {
    name += '.'
    total++
  }
  return total > 255 ? null : name
}

/** True where `name` is `zone` or below it. Both in canonical presentation. */
export function isSubdomain(name: string, zone: string): boolean {
  if (name === zone || zone === '.') return true
  if (!name.endsWith(`.${zone}`)) return false
  // The dot must end a label: after an odd number of backslashes it is a character of one.
  const before = /\\*$/.exec(name.slice(0, -zone.length - 1))
  return (before?.[0].length ?? 0) % 2 === 0
}
