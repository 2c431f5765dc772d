/** Octets in a line. */
const WIDTH = 16

/**
 * Octets as CoreDNS's debug lines have them, for text2pcap: an offset, 16 octets, and the size in a last line.
 * Lines are indented, and so belong to the entry of the log that they stand in.
 */
export function hexDump(octets: Uint8Array): string {
  const at = (offset: number): string => ` debug: ${offset.toString(16).padStart(6, '0')}`
  const lines: string[] = []
  for (let offset = 0; offset < octets.length; offset += WIDTH) {
    const row = Array.from(octets.subarray(offset, offset + WIDTH), (octet) =>
      octet.toString(16).padStart(2, '0'),
    )
    lines.push(`${at(offset)} ${row.join(' ')}`)
  }
  return [...lines, at(octets.length)].join('\n')
}
