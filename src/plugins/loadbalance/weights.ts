import { isIP } from 'node:net'
import { canonicalName } from '../../corefile/domain-name.ts'
import { parseIp } from '../../corefile/ip.ts'
import { AddressSet } from '../../lib/address-set.ts'
import { lowerCase } from '../../wire/bytes.ts'
import { MAX_NAME, sameName, textToName } from '../../wire/name.ts'

const POINTER = 0xc0
const HASH_SEED = 17
const DEFAULT_WEIGHT = 1
const MAX_WEIGHT = 255

interface Weight {
  /** A set of one address. */
  readonly address: AddressSet
  readonly weight: number
}

interface Domain {
  readonly name: Uint8Array
  readonly weights: Weight[]
}

/** How likely the addresses of a name are to come first. */
export type DomainWeights = readonly Weight[]

const none: DomainWeights = []

/** The weights of a weight file, found by a name as it stands in a message. */
export class Weights {
  readonly #byHash = new Map<number, Domain[]>()

  /** Reads a weight file. Throws an Error that names what is wrong, in CoreDNS's words, and the line. */
  static parse(text: string, file: string): Weights {
    const parsed = new Weights()
    let domain: Domain | null = null
    for (const [i, line] of text.split('\n').entries()) {
      const fields = line.trim().split(/\s+/)
      const [first = '', second] = fields
      if (first === '' || first.startsWith('#')) continue
      const where = `weight file ${file}, line ${i + 1}`
      if (fields.length > 2) {
        throw new Error(`could not parse weight line:"${line.trim()}" in ${where}`)
      }
      if (second === undefined) domain = parsed.#domain(nameOf(first, where))
      else {
        const weight = weightOf(first, second, where)
        if (domain === null) throw new Error(`missing domain name in ${where}`)
        domain.weights.push(weight)
      }
    }
    return parsed
  }

  /** The weights of the sound name at `at` of a message; none where the file does not have it. */
  of(b: Uint8Array, at: number): DomainWeights {
    const found = this.#byHash.get(hashName(b, at))
    return found?.find(({ name }) => sameName(b, at, name, 0))?.weights ?? none
  }

  #domain(name: Uint8Array): Domain {
    const hash = hashName(name, 0)
    const alike = this.#byHash.get(hash) ?? []
    this.#byHash.set(hash, alike)
    let domain = alike.find((other) => sameName(other.name, 0, name, 0))
    if (domain === undefined) alike.push((domain = { name, weights: [] }))
    return domain
  }
}

/** The weight of the address of `size` octets at `at`. */
export function weightAt(weights: DomainWeights, b: Uint8Array, at: number, size: number): number {
  for (let i = 0; i < weights.length; i++) {
    if (weights[i]!.address.has(b, at, size)) return weights[i]!.weight
  }
  return DEFAULT_WEIGHT
}

function nameOf(text: string, where: string): Uint8Array {
  if (isIP(text) !== 0) {
    throw new Error(`wrong domain name:"${text}" in ${where}. (Maybe a missing weight value?)`)
  }
  const name = canonicalName(text)
  const out = new Uint8Array(MAX_NAME)
  const end = name === null ? -1 : textToName(name, out, 0)
  if (end < 0) throw new Error(`wrong domain name:"${text}" in ${where}`)
  return out.slice(0, end)
}

function weightOf(address: string, value: string, where: string): Weight {
  const bytes = parseIp(address)
  if (bytes === null) throw new Error(`wrong IP address:"${address}" in ${where}`)
  const weight = /^\d{1,9}$/.test(value) ? Number(value) : 0
  if (weight === 0 || weight > MAX_WEIGHT) {
    throw new Error(`wrong weight value:"${value}" in ${where}`)
  }
  return { address: new AddressSet([{ bytes, length: 8 * bytes.length }]), weight }
}

/** Of a sound name, letter case aside. */
function hashName(b: Uint8Array, offset: number): number {
  let hash = HASH_SEED
  let at = offset
  for (;;) {
    const size = b[at]!
    if (size === 0) return hash
    if (size >= POINTER) {
      at = ((size & 0x3f) << 8) | b[at + 1]!
      continue
    }
    const end = at + 1 + size
    for (; at < end; at++) hash = (Math.imul(hash, 31) + lowerCase[b[at]!]!) | 0
  }
}
