import { randomInt } from 'node:crypto'
import { lowerCase } from './bytes.ts'
import { MAX_LABEL } from './name.ts'
import type { Question } from './question.ts'

/** Compression pointers have 14 bits: only names that begin before this offset can be pointed at. */
const REACH = 0x4000
const POINTER = 0xc0
/** A label takes two octets, so no more of them begin within reach; one name may go beyond. */
const CAPACITY: number = REACH / 2 + 128
const BUCKETS = 2048
/** Labels compared per look-up. Names made to collide are written in full. */
const MAX_PROBES = 24
const ROOT = 0
const NONE = 0

/** Names come from strangers: collisions cannot be prepared for a seed that they do not know. */
const seed = randomInt(2 ** 31)

/**
 * The names of one message while it is written anew (RFC 1035 §4.1.4), as a tree of labels. A node
 * stands for a name: its label, and the rest of the name as its parent.
 *
 *   written so far           nodes                             to write   web.example.com
 *   @12 www.example.com      root ◀─ com ◀─ example ◀─ www     written    web ▸ pointer to @16
 *   @41 db.example.com               @24    @16  ▲     @12     new node   web @55, below example
 *                                                └─ db @41
 *
 * Nodes are numbers. The first ones are the question's, each the parent of the next, so that a name
 * that ends as the question does needs no hash; all others are found by one of parent and label.
 * `#seen` has the node of each label of the old message: where a name points at one, or runs into it,
 * the rest is known. So each label is looked up once, however many pointers lead to it, and all work is
 * bounded by the octets read and written; a string for each suffix, as in CoreDNS, is quadratic in a
 * name's labels. Everything is allocated once; a new message is a new epoch.
 */
export class NameTree {
  readonly #parent = new Uint16Array(CAPACITY)
  /** Offset of the label in the old message. */
  readonly #labelAt = new Uint16Array(CAPACITY)
  /** Offset of the name in the new message; NONE where it lies out of reach. */
  readonly #nameAt = new Uint16Array(CAPACITY)
  /** Next node of the same bucket. */
  readonly #next = new Uint16Array(CAPACITY)
  /** First node of each bucket, and node of each label of the old message: `epoch << 16 | node`. */
  readonly #heads = new Int32Array(BUCKETS)
  readonly #seen = new Int32Array(REACH)
  #epoch = 0
  #count = 0
  #questionNodes = 0
  #old: Uint8Array = new Uint8Array(0)
  /** Labels of the name at hand: offsets in the old message. */
  readonly #labels = new Uint16Array(128)
  #depth = 0

  /** Starts over with the names of the question, which stands at the same place in both messages. */
  begin(old: Uint8Array, question: Question): void {
    const { labelCount, labels } = question
    this.#old = old
    this.#epoch = (this.#epoch + 1) & 0xffff
    if (this.#epoch === 0) {
      this.#heads.fill(0)
      this.#seen.fill(0)
      this.#epoch = 1
    }
    this.#count = this.#questionNodes = labelCount
    for (let node = 1; node <= labelCount; node++) {
      const at = labels[labelCount - node]!
      this.#parent[node] = node - 1
      this.#labelAt[node] = at
      this.#nameAt[node] = at
      this.#seen[at] = (this.#epoch << 16) | node
    }
  }

  /**
   * Writes the name at `from` of the old message, which has passed `skipName`, to `out[to..limit)`:
   * as short as names written before allow, or in full. Returns the end, −1 where it does not fit.
   * Further names can point at what was written.
   *
   * Names that end as the question does share its letter case, as they do with every server that
   * compresses; all others keep theirs.
   */
  write(from: number, out: Uint8Array, to: number, limit: number, inFull: boolean): number {
    let known = this.#walk(from)
    let labels = this.#depth
    while (labels > 0) {
      const label = this.#labels[labels - 1]!
      const node = this.#find(known, label)
      if (node === NONE) break
      this.#remember(label, node)
      known = node
      labels--
    }
    // The name across the end of reach has a tail that cannot be pointed at.
    for (; known !== ROOT && this.#nameAt[known] === NONE; known = this.#parent[known]!) labels++
    if (to < REACH && labels > 0) this.#addLabels(known, labels, to)
    if (inFull) return this.#copyName(from, out, to, limit)
    const end = labels > 0 ? this.#copyLabels(out, to, limit, labels) : to
    if (end < 0 || end + 2 > limit) return -1
    const target = this.#nameAt[known]!
    if (known === ROOT) {
      out[end] = 0
      return end + 1
    }
    out[end] = POINTER | (target >> 8)
    out[end + 1] = target & 0xff
    return end + 2
  }

  /** Collects the labels of a name, up to one whose node is known; returns that node, or ROOT. */
  #walk(from: number): number {
    const old = this.#old
    const labels = this.#labels
    let depth = 0
    let node = ROOT
    let at = from
    for (;;) {
      const size = old[at]!
      if (size > MAX_LABEL) {
        at = ((size & 0x3f) << 8) | old[at + 1]!
        continue
      }
      if (size === 0) break
      const seen = at < REACH ? this.#seen[at]! : 0
      if (seen >>> 16 === this.#epoch) {
        node = seen & 0xffff
        break
      }
      labels[depth++] = at
      at += size + 1
    }
    this.#depth = depth
    return node
  }

  /** Copies the first `count` labels of the name at hand; −1 for no room. */
  #copyLabels(out: Uint8Array, to: number, limit: number, count: number): number {
    const old = this.#old
    let at = to
    for (let i = 0; i < count; i++) {
      const label = this.#labels[i]!
      const end = label + 1 + old[label]!
      if (at + end - label > limit) return -1
      for (let octet = label; octet < end; octet++) out[at++] = old[octet]!
    }
    return at
  }

  /** Copies a name without pointers; −1 for no room. */
  #copyName(from: number, out: Uint8Array, to: number, limit: number): number {
    const old = this.#old
    let label = from
    let at = to
    for (;;) {
      const size = old[label]!
      if (size > MAX_LABEL) {
        label = ((size & 0x3f) << 8) | old[label + 1]!
        continue
      }
      if (at + size + 1 > limit) return -1
      const end = label + 1 + size
      for (; label < end; label++) out[at++] = old[label]!
      if (size === 0) return at
    }
  }

  /** Makes nodes below `parent` of the first `count` labels of the name at hand, to be written at `to`. */
  #addLabels(parent: number, count: number, to: number): void {
    const old = this.#old
    let place = to
    for (let i = 0; i < count; i++) place += 1 + old[this.#labels[i]!]!
    let node = parent
    for (let i = count - 1; i >= 0; i--) {
      const label = this.#labels[i]!
      place -= 1 + old[label]!
      node = this.#add(node, label, place < REACH ? place : NONE)
    }
  }

  #add(parent: number, label: number, nameAt: number): number {
    const node = ++this.#count
    const bucket = this.#bucket(parent, label)
    const head = this.#heads[bucket]!
    this.#parent[node] = parent
    this.#labelAt[node] = label
    this.#nameAt[node] = nameAt
    this.#next[node] = head >>> 16 === this.#epoch ? head & 0xffff : NONE
    this.#heads[bucket] = (this.#epoch << 16) | node
    this.#remember(label, node)
    return node
  }

  /** What cannot be pointed at is no use to names that run into it. */
  #remember(label: number, node: number): void {
    if (label < REACH && this.#nameAt[node] !== NONE) {
      this.#seen[label] = (this.#epoch << 16) | node
    }
  }

  #find(parent: number, label: number): number {
    if (parent < this.#questionNodes && this.#isQuestionLabel(parent + 1, label)) return parent + 1
    if (this.#count === this.#questionNodes) return NONE
    const head = this.#heads[this.#bucket(parent, label)]!
    let node = head >>> 16 === this.#epoch ? head & 0xffff : NONE
    for (let probes = 0; node !== NONE && probes < MAX_PROBES; probes++) {
      if (this.#parent[node] === parent && this.#isLabel(node, label)) return node
      node = this.#next[node]!
    }
    return NONE
  }

  /** Whether the node has this label, in whatever letter case. */
  #isQuestionLabel(node: number, label: number): boolean {
    const old = this.#old
    const shift = this.#labelAt[node]! - label
    const end = label + 1 + old[label]!
    for (let i = label; i < end; i++) {
      const left = old[i]!
      const right = old[i + shift]!
      if (left !== right && lowerCase[left] !== lowerCase[right]) return false
    }
    return true
  }

  #isLabel(node: number, label: number): boolean {
    const old = this.#old
    const shift = this.#labelAt[node]! - label
    const end = label + 1 + old[label]!
    for (let i = label; i < end; i++) if (old[i] !== old[i + shift]) return false
    return true
  }

  #bucket(parent: number, label: number): number {
    const old = this.#old
    const end = label + 1 + old[label]!
    let h = seed ^ Math.imul(parent, 0x9e3779b1)
    let i = label
    // Four octets a step.
    for (; i + 3 < end; i += 4) {
      const word = old[i]! | (old[i + 1]! << 8) | (old[i + 2]! << 16) | (old[i + 3]! << 24)
      h = Math.imul(h ^ word, 0x5bd1e995)
      h ^= h >>> 15
    }
    for (; i < end; i++) h = Math.imul(h ^ old[i]!, 0x5bd1e995)
    return (h ^ (h >>> 15)) & (BUCKETS - 1)
  }
}
