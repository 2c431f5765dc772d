import { message, opt, option } from '../wire/message.ts'

/** Numbers that look random and are the same for the same seed (mulberry32). */
export class Random {
  #state: number

  constructor(seed: number) {
    this.#state = seed >>> 0
  }

  /** An integer from 0 to `end`, without it. */
  below(end: number): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0
    let x = this.#state
    x = Math.imul(x ^ (x >>> 15), x | 1)
    x ^= x + Math.imul(x ^ (x >>> 7), x | 61)
    return Math.floor((((x ^ (x >>> 14)) >>> 0) / 2 ** 32) * end)
  }

  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)]!
  }

  octets(length: number): Buffer {
    const out = Buffer.allocUnsafe(length)
    for (let i = 0; i < length; i++) out[i] = this.below(256)
    return out
  }
}

const flags = 0x0100
const cookie = option(10, Buffer.from('0123456789abcdef', 'hex'))
/** What is changed, cut and put together: queries that nothing is wrong with. */
const sound: readonly Buffer[] = [
  message({ flags, name: 'a.test' }),
  message({ flags, name: 'a.test', type: 28, additional: [opt({ size: 4096, options: cookie })] }),
  message({ flags, name: 'big.test', type: 16, additional: [opt({ size: 65_535 })] }),
  message({ flags, name: `${'x'.repeat(63)}.`.repeat(3) + 'test', type: 255 }),
  message({ flags, name: 'a.test', class: 3, type: 16 }),
  message({ flags: 0x2400, name: 'test', type: 6 }),
]
const lengths = [0, 1, 2, 11, 12, 13, 512, 4_095, 4_096, 4_097, 65_534, 65_535] as const

/** One message that no resolver sends, or that one does: what others are made of comes between. */
export function oddMessage(random: Random): Buffer {
  return random.pick(kinds)(random)
}

const kinds: readonly ((random: Random) => Buffer)[] = [
  changed,
  changed,
  changed,
  (random) => random.octets(random.below(random.below(20) === 0 ? 2_000 : 80)),
  garbageHeader,
  garbageHeader,
  loops,
  loops,
  unheardOf,
  unheardOf,
  (random) => random.pick(sound),
  (random) => Buffer.concat([random.pick(sound), random.octets(random.below(200))]),
]

/** A few octets are others, and the end may be missing. */
function changed(random: Random): Buffer {
  const out = Buffer.from(random.pick(sound))
  for (let n = random.below(5); n >= 0; n--)
    out[random.below(out.length)] = random.pick([0, 1, 12, 0x3f, 0x40, 0x80, 0xc0, 0xff])
  return out.subarray(0, random.below(3) === 0 ? random.below(out.length + 1) : out.length)
}

/** Flags and counts of no message. */
function garbageHeader(random: Random): Buffer {
  const out = Buffer.from(random.pick(sound))
  random.octets(10).copy(out, 2)
  if (random.below(2) === 0) for (const at of [4, 6, 8, 10]) out.writeUInt16BE(random.below(3), at)
  return out
}

/** Names that lead to themselves, to each other, forward, or behind the end. */
function loops(random: Random): Buffer {
  const length = 12 + 2 * (1 + random.below(40))
  const out = Buffer.alloc(length + 4)
  random.octets(2).copy(out)
  out.writeUInt16BE(flags, 2)
  for (const at of [4, 6, 8, 10]) out.writeUInt16BE(random.pick([0, 1, 1, 20, 65_535]), at)
  for (let at = 12; at < length; at += 2) {
    const to = random.pick([12, at, at + 2, at - 2, random.below(length + 8), 0x3fff])
    out.writeUInt16BE(0xc000 | to, at)
  }
  if (random.below(2) === 0) out[12] = random.below(64)
  return out
}

/** A sound question for a name that nobody has asked for: it reaches the upstream. */
function unheardOf(random: Random): Buffer {
  const name = `${random.below(2 ** 32).toString(36)}.${random.pick(['wild', 'none'])}.test`
  return message({ id: random.below(65_536), flags, name, type: random.pick([1, 1, 28, 16, 65]) })
}

/** A message behind a length that may be another's: less, more, or none. */
export function oddFrame(random: Random): Buffer {
  const body = random.below(500) === 0 ? random.octets(random.pick(lengths)) : oddMessage(random)
  const length = random.below(8) === 0 ? random.pick(lengths) : body.length
  const out = Buffer.allocUnsafe(2 + body.length)
  out.writeUInt16BE(length)
  body.copy(out, 2)
  return random.below(10) === 0 ? out.subarray(0, random.below(out.length + 1)) : out
}
