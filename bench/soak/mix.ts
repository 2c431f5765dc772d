import { Type } from '../../src/wire/codes.ts'
import { seededRandom } from '../names.ts'
import { NAMESPACES, SERVICES, serviceName, SITES } from './zone.ts'

/** What a client sends at once, from one socket: the same name with each of these types. */
export interface Step {
  readonly name: string
  readonly types: readonly number[]
}

/** A look-up: one step after the other, each when the one before it was answered. */
export type LookUp = readonly Step[]

/**
 * Shares of look-ups. Search lists turn a look-up of an external name into eight queries, two of which leave the
 * cluster: 8 % of the look-ups are 5 % of the queries.
 */
const SHARES = { ownNamespace: 0.57, otherNamespace: 0.2, inFull: 0.05, srv: 0.1, external: 0.08 }
/** Of external names, so many were never asked for before. */
const NEW_SHARE = 0.2

const PAIR = [Type.A, Type.AAAA]
const DOMAIN = 'cluster.local'
/** `ndots` of what kubelet writes: a name with fewer dots goes through the search list first. */
const NDOTS = 5

/** Look-ups as the pods of a node make them, the same for each `seed`. Draws from them never end. */
export class Mix {
  readonly #random: () => number
  readonly #service: () => number
  readonly #site: () => number
  #fresh = 0

  constructor(seed: number) {
    this.#random = seededRandom(seed)
    this.#service = zipf(SERVICES, this.#random)
    this.#site = zipf(SITES, this.#random)
  }

  next(): LookUp {
    let at = this.#random()
    const is = (share: number): boolean => (at -= share) < 0
    const index = this.#service()
    if (is(SHARES.ownNamespace)) return searched(`svc-${index}`, index % NAMESPACES)
    const from = Math.floor(this.#random() * NAMESPACES)
    if (is(SHARES.otherNamespace)) return searched(serviceName(index), from)
    const inFull = `${serviceName(index)}.svc.${DOMAIN}`
    if (is(SHARES.inFull)) return searched(inFull, from)
    if (is(SHARES.srv)) return [{ name: `_http._tcp.${inFull}`, types: [Type.SRV] }]
    return searched(`${this.#external()}.example.net`, from)
  }

  #external(): string {
    if (this.#random() >= NEW_SHARE) return `site-${this.#site()}`
    return `new-${(++this.#fresh).toString(16)}`
  }
}

/** How many queries a look-up comes to, where all are answered. */
export function queriesOf(lookUp: LookUp): number {
  return lookUp.reduce((sum, { types }) => sum + types.length, 0)
}

/** The names that a resolver tries in a pod of a namespace, up to the one that exists. */
function searched(name: string, namespace: number): LookUp {
  const suffixes = [`ns-${namespace}.svc.${DOMAIN}`, `svc.${DOMAIN}`, DOMAIN]
  const labels = name.split('.').length
  const tried = suffixes.map((suffix) => `${name}.${suffix}`)
  // One label is a Service of the own namespace, two are one of another; all else exists as it is.
  const right = labels === 1 ? 1 : labels === 2 ? 2 : NDOTS
  return [...tried, name].slice(0, right).map((one) => ({ name: one, types: PAIR }))
}

/** Draws 0 to `count` − 1, the i-th as often as 1 / (i + 1). */
function zipf(count: number, random: () => number): () => number {
  const sums = new Float64Array(count)
  let sum = 0
  for (let i = 0; i < count; i++) sums[i] = sum += 1 / (i + 1)
  return () => {
    const at = random() * sum
    let [low, high] = [0, count - 1]
    while (low < high) {
      const middle = (low + high) >> 1
      if (sums[middle]! < at) low = middle + 1
      else high = middle
    }
    return low
  }
}
