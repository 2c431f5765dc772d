/** Milliseconds from which on time counts as lost: clocks are also brought into step little by little. */
const LEAST_MS = 1_000
/** Clocks between which the process stood still cannot be compared. */
const AT_ONCE_MS = 10

/** Clocks in milliseconds; a test has its own. */
export interface Clocks {
  readonly wall: () => number
  readonly monotonic: () => number
}

const systemClocks: Clocks = { wall: Date.now, monotonic: () => performance.now() }

/**
 * Time that the monotonic clock has missed and the wall clock has not: the machine was suspended, or its
 * hypervisor stood it still. TTLs are about time as it goes by everywhere, so that what is cached has aged
 * meanwhile, which CoreDNS reads off the wall clock. That one goes back as well; then nothing grows younger.
 */
export class LostTime {
  readonly #clocks: Clocks
  /** What the wall clock was ahead by at the last look; NaN before the first. */
  #ahead = NaN

  constructor(clocks: Clocks = systemClocks) {
    this.#clocks = clocks
    this.look()
  }

  /** Milliseconds lost since the last look, which was a second ago or so; 0 as a rule. */
  look(): number {
    const { monotonic, wall } = this.#clocks
    const before = monotonic()
    const ahead = wall() - before
    if (monotonic() - before > AT_ONCE_MS) return 0
    const lost = ahead - this.#ahead
    this.#ahead = ahead
    return lost >= LEAST_MS ? lost : 0
  }
}
