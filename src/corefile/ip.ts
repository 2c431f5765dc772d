import { isIPv4, isIPv6 } from 'node:net'

/** An IP network: address bytes (4 or 16) with the host bits cleared, and the prefix length. */
export interface Prefix {
  readonly bytes: Uint8Array
  readonly length: number
}

function ipv6Bytes(text: string): Uint8Array {
  // A dotted tail (`::ffff:10.0.0.1`) is two groups in hexadecimal.
  const groups = text.replace(/(\d+)\.(\d+)\.(\d+)\.(\d+)$/, (_, ...parts: string[]) => {
    const [a = 0, b = 0, c = 0, d = 0] = parts.slice(0, 4).map(Number)
    return `${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`
  })
  const [head = '', tail = ''] = groups.split('::')
  const front = head === '' ? [] : head.split(':')
  const back = tail === '' ? [] : tail.split(':')
  const bytes = new Uint8Array(16)
  const view = new DataView(bytes.buffer)
  front.forEach((group, index) => view.setUint16(index * 2, parseInt(group, 16)))
  back.forEach((group, index) =>
    view.setUint16(16 - (back.length - index) * 2, parseInt(group, 16)),
  )
  return bytes
}

/** The 4 or 16 bytes of an IP address without a zone, or null. */
export function parseIp(text: string): Uint8Array | null {
  if (isIPv4(text)) return Uint8Array.from(text.split('.'), Number)
  return isIPv6(text) && !text.includes('%') ? ipv6Bytes(text) : null
}

/** `10.0.0.0/8` or `fd00::/8`, or null. Host bits are cleared, as in Go's net.ParseCIDR. */
export function parsePrefix(text: string): Prefix | null {
  const slash = text.indexOf('/')
  const digits = text.slice(slash + 1)
  const bytes = parseIp(text.slice(0, Math.max(slash, 0)))
  if (bytes === null || !/^[0-9]{1,3}$/.test(digits)) return null
  const length = Number(digits)
  if (length > bytes.length * 8) return null
  const masked = bytes.map((byte, index) => {
    const kept = Math.min(Math.max(length - index * 8, 0), 8)
    return byte & (0xff00 >> kept)
  })
  return { bytes: masked, length }
}
