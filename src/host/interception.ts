import { setTimeout as sleep } from 'node:timers/promises'
import { beat, type Beat } from '../lib/beat.ts'
import { interceptionState } from './interception-metrics.ts'
import type { InterceptionParts } from './interception-parts.ts'
import type { NodeInterface } from './interface.ts'
import { LEASE_MS, type Rules } from './rules/rules.ts'
import { SetupFailures } from './setup-errors.ts'
import { UpstreamProof } from './upstream-proof.ts'
import { startWatchdog } from './watchdog.ts'

/** A turn, between two signs of life: a third of what a lease lasts. */
const TURN_MS = 1000
/** A datagram may be lost: this many checks in a row have to fail before clients are sent away. */
const TOLERATED_FAILURES = 2
/** Turns of the first suspension (with fewer the lease would never run out), and of one after many. */
const FIRST_PAUSE = LEASE_MS / TURN_MS + 1
const LAST_PAUSE = 300
/** Checks in a row that pass, after which suspensions are history. */
const STEADY = 60
/** Packets that were on their way when interception ended have arrived by then. */
const DRAIN_MS = 100
/** Of what was added back, so much is told in the log. */
const MOST_TOLD = 6

/** Why nobody should be sent here before interception has begun. */
export const WAITING = 'No interception yet'
const SUSPENDED = 'Interception is suspended'

type State = 'waiting' | 'active' | 'suspended' | 'withdrawn' | 'left'

/**
 * Leads the node's queries here, and only while they are answered here.
 *
 *     waiting ──self-query passes──▶ active ──three checks fail──▶ suspended
 *        │                             ▲ │                            │ │
 *        │                             └─┼─self-query passes, later───┘ │
 *        ├───────────────────────────────┴──────────────────────────────┘
 *        ├── withdraw() ──▶ withdrawn    what is there goes with remove()
 *        └── leave() ─────▶ left         what is there is another dnslet's
 *
 * While it is active the lease is renewed each second; else kube-dns answers. The lease runs out when
 * the process is frozen or starved; the watchdog ends a process that hangs; and a process that dies
 * takes the interface along.
 */
export class Interception {
  readonly #parts: InterceptionParts
  readonly #setup: SetupFailures
  readonly #proof: UpstreamProof
  #state: State = 'waiting'
  #interface: NodeInterface | null = null
  #rules: Rules | null
  #watchdog: { stop(): void } | null = null
  /** Ends turns and repairs. */
  #stop = (): void => {}
  /** What the state does in its turn, and the repairs, while under way. */
  #step: Promise<void> | null = null
  #syncing: Promise<void> | null = null
  /** The last change to rules of another kind, which those who end them wait for. */
  #fitting: Promise<void> = Promise.resolve()
  /** Turns until interception may begin; Infinity where it may not any more. */
  #pause = 0
  /** Turns of the next suspension: twice those of the last one, until all has gone well for a minute. */
  #nextPause = FIRST_PAUSE
  /** Checks in a row that have passed, or failed. */
  #passes = 0
  #failures = 0

  constructor(parts: InterceptionParts) {
    this.#parts = parts
    this.#rules = parts.rules
    this.#setup = new SetupFailures(parts.log)
    this.#proof = new UpstreamProof(parts)
    parts.readiness.hold(WAITING)
  }

  /** The TUN that a successor is to have; null where there is none. */
  get tun(): number | null {
    return this.#interface?.fd ?? null
  }

  /** Whether every query for our addresses is led here, unless interception is suspended. */
  get leadsAll(): boolean {
    const hasBegun = this.#state === 'active' || this.#state === 'suspended'
    return hasBegun && this.#rules?.leadsAll === true
  }

  #beat(): Beat {
    return this.#parts.beat ?? beat
  }

  #isOver(): boolean {
    return this.#state === 'withdrawn' || this.#state === 'left'
  }

  /**
   * Puts the rules in place and begins to intercept as soon as a question to ourselves is answered,
   * or at once where a predecessor did so up to now. Rejects with DnsletError where rules or
   * interface cannot be had, and leaves nothing behind; kube-dns goes on answering then.
   *
   * @param inherited whether the interface is a predecessor's
   * @param shared whether another dnslet intercepts here: interface and rules are its own as well
   */
  async start(inherited: boolean, shared: boolean = inherited): Promise<void> {
    try {
      Object.assign(interceptionState, { state: this.#state, rules: 'none' })
      // Another dnslet's rules lead queries here as well; ours may have to be others than we know yet.
      const isLed = shared && !inherited && (await this.#rules?.isLeased()) === true
      if (this.#rules !== null && !isLed) await this.#install(this.#rules, inherited)
      if (inherited || (await this.#proof.mayBegin())) await this.#begin()
    } catch (cause) {
      // The other one goes on with what it has.
      if (shared) this.leave()
      else await this.remove(false)
      throw cause
    }
    const endTurns = this.#beat().every(TURN_MS / 1000, () => this.#turn())
    const repairs = setInterval(() => void this.sync(), this.#parts.syncIntervalMs)
    this.#stop = () => {
      endTurns()
      clearInterval(repairs)
    }
    void this.sync()
  }

  /** Puts back what somebody else has taken away, and looks who could answer in our place. Never rejects. */
  sync(): Promise<void> {
    if (this.#isOver()) return Promise.resolve()
    return (this.#syncing ??= this.#repair().finally(() => (this.#syncing = null)))
  }

  /** The end is near: what waits or is suspended, now or later, does not begin any more. */
  neverBegin(): void {
    this.#pause = Infinity
  }

  /** Graceful end, first half: queries go to kube-dns from now on, and those on their way are here. */
  async withdraw(): Promise<void> {
    if (this.#state === 'left') return
    this.#end('withdrawn')
    await this.#fitting.catch(() => {})
    await this.#rules?.withdraw().catch(this.#rulesFailed)
    await sleep(DRAIN_MS)
  }

  /**
   * Graceful end, second half: every query has its answer, and the addresses go. Never rejects.
   * @param keep rules, and a link that can outlive us, stay
   */
  async remove(keep: boolean): Promise<void> {
    if (this.#state === 'left') return
    this.#end('withdrawn')
    this.#closeInterface(keep)
    await this.#fitting.catch(() => {})
    if (!keep) await this.#rules?.remove().catch(this.#rulesFailed)
  }

  /** Another dnslet has the interface, and the rules are its own. */
  leave(): void {
    this.#end('left')
    this.#closeInterface(true)
  }

  #enter(state: State, reason = ''): void {
    this.#state = state
    Object.assign(interceptionState, { state, reason, active: state === 'active' ? 1 : 0 })
  }

  #end(state: 'withdrawn' | 'left'): void {
    this.#enter(state)
    this.#stop()
  }

  #closeInterface(keep: boolean): void {
    if (keep) this.#interface?.leave()
    else this.#interface?.remove()
    this.#interface = null
    this.#watchdog?.stop()
  }

  readonly #rulesFailed = (cause: unknown): void => this.#setup.failed('iptables', cause)

  #turn(): void {
    if (this.#state === 'active') this.#renew()
    if (this.#rules !== null) this.#parts.fallback?.turn(this.#rules, this.#rulesFailed)
    if (this.#step !== null) return
    this.#step = this.#advance().finally(() => (this.#step = null))
  }

  async #advance(): Promise<void> {
    try {
      if (this.#state === 'active') await this.#check()
      else if (this.#pause > 0) this.#pause--
      else if (await this.#proof.mayBegin()) await this.#begin()
    } catch (cause) {
      this.#setup.failed('interface_add', cause)
    }
  }

  /** Synchronous up to the renewal itself: nothing may delay it. */
  #renew(): void {
    try {
      if (this.#interface?.renew() === false) void this.sync()
    } catch (cause) {
      this.#setup.failed('interface_check', cause)
      void this.sync()
    }
    void this.#rules?.renew().then((renewed) => {
      if (!renewed) void this.sync()
    })
  }

  async #check(): Promise<void> {
    const { served, log, readiness } = this.#parts
    this.#proof.again()
    const problem = await served.selfCheck()
    this.#passes = problem === null ? this.#passes + 1 : 0
    this.#failures = problem === null ? 0 : this.#failures + 1
    if (this.#passes === STEADY) this.#nextPause = FIRST_PAUSE
    if (this.#failures <= TOLERATED_FAILURES || this.#isOver()) return
    this.#enter('suspended', problem ?? '')
    this.#pause = Math.max(this.#pause, this.#nextPause)
    this.#nextPause = Math.min(2 * this.#nextPause, LAST_PAUSE)
    interceptionState.suspensions++
    readiness.hold(SUSPENDED)
    log.error(`Interception is suspended, and kube-dns answers within seconds: ${problem}`)
  }

  async #begin(): Promise<void> {
    const { libc, log, readiness, openInterface } = this.#parts
    await this.#syncing
    if (this.#pause > 0 || this.#isOver()) return
    if (this.#interface !== null) this.#interface.ensure()
    else if (openInterface !== null) this.#interface = openInterface()
    await this.#fitRules()
    if (this.#isOver()) return
    if (this.#rules !== null && interceptionState.rules === 'none') {
      await this.#install(this.#rules, true)
    }
    await this.#rules?.renew()
    if (this.#isOver()) return
    this.#watchdog ??= startWatchdog(libc, this.#beat())
    this.#failures = 0
    this.#enter('active')
    this.#setup.succeeded('interface_add')
    readiness.release(WAITING)
    readiness.release(SUSPENDED)
    log.info('Queries of this node are intercepted')
  }

  /** On `lo` the addresses are local whether we live or not: the rules have to ask for more. */
  async #fitRules(): Promise<void> {
    interceptionState.interface = this.#interface?.kind ?? 'none'
    if (this.#interface?.kind !== 'lo' || this.#rules?.leadsAll !== true) return
    await (this.#fitting = this.#takeSocketRules())
  }

  async #takeSocketRules(): Promise<void> {
    const rules = await this.#parts.socketRules()
    const isLeased = await rules.isLeased()
    if (this.#isOver()) return
    await this.#install(rules, isLeased)
    this.#rules = rules
  }

  async #install(rules: Rules, goesOn: boolean): Promise<void> {
    const { fallback } = this.#parts
    // Known from the first packet on: until then the targets of an earlier process answer.
    if (fallback !== null) await rules.setFallback(fallback.known)
    await rules.install(goesOn)
    interceptionState.rules = rules.kind
  }

  async #repair(): Promise<void> {
    if (this.#state === 'active' && this.#interface !== null) {
      try {
        this.#tell(this.#interface.ensure(), 'interface')
        // A link that was deleted may have come back as one of another kind.
        await this.#fitRules()
        this.#setup.succeeded('interface_check')
      } catch (cause) {
        this.#setup.failed('interface_check', cause)
      }
    }
    const rules = this.#rules
    if (rules === null) return
    try {
      this.#tell(await rules.check(this.#parts.isShared()), 'rules')
      if (!this.#isOver()) await this.#parts.fallback?.refresh(rules, this.#rulesFailed)
      this.#setup.succeeded('iptables')
    } catch (cause) {
      this.#rulesFailed(cause)
    }
  }

  #tell(repaired: readonly string[], what: 'interface' | 'rules'): void {
    if (repaired.length === 0) return
    interceptionState.repairs[what]++
    const more = repaired.length - MOST_TOLD
    const told = repaired.slice(0, MOST_TOLD).join('; ')
    this.#parts.log.warning(`Added back: ${told}${more > 0 ? `; and ${more} more` : ''}`)
  }
}
