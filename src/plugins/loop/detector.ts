import { type AskOptions, type Destination, isAbsent } from '../../upstream/ask.ts'
import { random16 } from '../../upstream/random.ts'
import { Flag, Type } from '../../wire/codes.ts'
import { makeQuery } from '../../wire/query.ts'

/** A probe is given this long to arrive: how long it then takes upstream is not our listener's doing. */
const TIMEOUT_MS = 2_000
/** Time between a probe that did not arrive and the next: doubled each time, up to the latter. */
const FIRST_RETRY_MS = 100
const LAST_RETRY_MS = 1_000
/** Listeners that have not answered by now are given up on. */
const DEADLINE_MS = 30_000
/** As in CoreDNS: our own probe is the first arrival of its name, and a stray copy may be the second. */
export const ARRIVALS_OF_A_LOOP = 3

/** Where a probe goes to. */
export interface Target extends Destination {
  /** The listener as the Corefile has it, e.g. `:53`; for the message about a loop. */
  readonly listener: string
}

/** What a LoopDetector needs from outside, so that tests can stand in for network and chance. */
export interface DetectorParts {
  /** Asks a listener, as `ask` does; rejects where no answer comes. */
  ask(target: Target, query: Buffer, options: AskOptions): Promise<unknown>
  /** A label that nobody can guess. */
  randomLabel(): string
  /** Told once, of the first loop, in CoreDNS's words. */
  onLoop(message: string): void
}

/** A name that was asked for. */
interface Probe {
  readonly target: Target
  arrivals: number
  /** Resolves once it has been answered, or the detection has ended. */
  readonly over: Promise<void>
  end(): void
}

/**
 * Looks for forwarding loops of one server block: it asks each listener in turn for a name that exists
 * nowhere and counts how often that name comes in. Each probe has a name of its own, so that several
 * listeners, protocols and attempts cannot add up to a loop that is none. One that has arrived is not
 * repeated: an upstream that drops it would drop the next one as well.
 *
 * A listener may be bound to an address that the machine gets later: nobody can reach it until then,
 * and no loop can lead through it. It is asked once the address is there, however long that takes.
 */
export class LoopDetector {
  /** True while probes are under way, and for good once a loop was found. */
  active = false
  /** Resolves when the detection is over, or has to wait for an address: nobody should wait for that. */
  readonly settled: Promise<void>
  #settle: () => void = () => {}
  #deadline: NodeJS.Timeout | null = null
  readonly #zone: string
  readonly #parts: DetectorParts
  readonly #probes = new Map<string, Probe>()
  readonly #stopped = new AbortController()
  #found = false

  /** @param zone the block's first zone, normalised */
  constructor(zone: string, parts: DetectorParts) {
    this.#zone = zone
    this.#parts = parts
    this.settled = new Promise((resolve) => (this.#settle = resolve))
  }

  /**
   * Probes all targets until each has answered, or 30 s have passed in which they could be reached.
   * Never rejects.
   */
  async run(targets: readonly Target[]): Promise<void> {
    this.active = true
    this.#restartDeadline()
    for (const target of targets) await this.#probe(target)
    this.stop()
    this.#settle()
  }

  /** Ends the detection, answered or not. The names of a loop that was found are counted on. */
  stop(): void {
    if (this.#deadline !== null) clearTimeout(this.#deadline)
    this.#end()
    if (this.#found) return
    this.active = false
    this.#probes.clear()
  }

  #end(): void {
    this.#stopped.abort()
    for (const probe of this.#probes.values()) probe.end()
  }

  /**
   * Counts a HINFO query that came in. Returns how often its name has done so, this time included; 0
   * where it is none of the probes' names.
   *
   * @param name what it asks for, lower-case, with its final dot
   * @param client who sent it, for the message
   */
  arrived(name: string, client: () => string): number {
    const probe = this.#probes.get(name)
    if (probe === undefined) return 0
    probe.arrivals++
    if (probe.arrivals >= ARRIVALS_OF_A_LOOP && !this.#found) {
      this.#found = true
      this.#parts.onLoop(
        `plugin/loop: Loop (${client()} -> ${probe.target.listener}) detected for zone ` +
          `"${this.#zone}", see https://coredns.io/plugins/loop#troubleshooting. ` +
          `Query: "HINFO ${name}"`,
      )
    }
    return probe.arrivals
  }

  /** A query for `name` has been answered, whatever the answer says. */
  answered(name: string): void {
    this.#probes.get(name)?.end()
  }

  async #probe(target: Target): Promise<void> {
    const { signal } = this.#stopped
    for (let wait = FIRST_RETRY_MS; !signal.aborted; wait = Math.min(2 * wait, LAST_RETRY_MS)) {
      const name = this.#newName()
      const query = makeQuery(random16(), Flag.RD, name, Type.HINFO)
      // A zone so long that no name fits below it cannot be probed, nor asked for much.
      if (query === null) return
      const probe = newProbe(target)
      this.#probes.set(name, probe)
      try {
        await this.#parts.ask(target, query, { timeoutMs: TIMEOUT_MS, signal })
        return
      } catch (error) {
        if (probe.arrivals > 0) return await probe.over
        if (isAbsent(error)) {
          this.#probes.delete(name)
          this.#restartDeadline()
          this.#settle()
        }
        // The listener may not be open yet: ask again.
        await pause(wait, signal)
      }
    }
  }

  #restartDeadline(): void {
    if (this.#deadline !== null) clearTimeout(this.#deadline)
    if (this.#stopped.signal.aborted) return
    this.#deadline = setTimeout(() => this.#end(), DEADLINE_MS)
  }

  #newName(): string {
    const parts = this.#parts
    return `${parts.randomLabel()}.${parts.randomLabel()}.${this.#zone === '.' ? '' : this.#zone}`
  }
}

function newProbe(target: Target): Probe {
  const { promise, resolve } = Promise.withResolvers<void>()
  return { target, arrivals: 0, over: promise, end: resolve }
}

/** Resolves after `ms` milliseconds, or when `signal` aborts. */
function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer)
      signal.removeEventListener('abort', end)
      resolve()
    }
    const timer = setTimeout(end, ms)
    if (signal.aborted) end()
    else signal.addEventListener('abort', end)
  })
}
