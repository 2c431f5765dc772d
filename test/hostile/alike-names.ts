const LABEL = 63
/** Octets of a pair of words, in which one bit of a number fits. */
const PAIR = 8

/**
 * The name of number `i` (0 … 16,383), in presentation format. A hash that multiplies word by word
 * (h = (h ^ word) * odd; h ^= h >>> 15) has the same value for all of them, whatever its seed: bit 31 of
 * a word flips bits 31 and 16 after the step, and the next word takes that back.
 */
export function alikeName(i: number): string {
  // The words of the hash begin with the first label's length octet.
  const wire = Buffer.alloc(2 * (LABEL + 1), 'a')
  for (let bit = 0; bit < 14; bit++) {
    if (((i >> bit) & 1) === 0) continue
    const at = bit * PAIR
    wire[at + 3]! ^= 0x80
    wire[at + 4 + 3]! ^= 0x80
    wire[at + 4 + 2]! ^= 0x01
  }
  const labels = [wire.subarray(1, LABEL + 1), wire.subarray(LABEL + 2)]
  return [...labels.map(textOf), 'test'].join('.')
}

function textOf(label: Buffer): string {
  return [...label]
    .map((octet) => (octet > 0x7e ? `\\${octet}` : String.fromCharCode(octet)))
    .join('')
}
