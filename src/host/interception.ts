import { setTimeout as sleep } from 'node:timers/promises'

import type { NodeInterface } from './interface.ts'
import { interceptionState } from './interception-metrics.ts'
import type { InterceptionParts } from './interception-parts.ts'
import { LEASE_MS, type Rules } from './rules/rules.ts'
import { SetupFailures } from './setup-failures.ts'
import { SuspensionPause } from './suspension-pause.ts'
import { startWatchdog } from './watchdog.ts'

/** Between two signs of life: a third of what a lease lasts. */
const RENEW_MS = 1000
/** A datagram may be lost: this many checks in a row have to fail before clients are sent away. */
const TOLERATED_FAILURES = 2
/** Turns without interception after a suspension: with fewer the lease would never run out. */
const PAUSE = LEASE_MS / RENEW_MS + 1
/** After many suspensions. */
const LAST_PAUSE = 300
/** Packets that were on their way when interception ended have arrived by then. */
const DRAIN_MS = 100

/** Why nobody should be sent here before interception has begun. */
export const WAITING = 'No interception yet'
const SUSPENDED = 'Interception is suspended'

/**
 * Leads the node's queries here, and only while they are answered here.
 *
 *     waiting ──self-query passes──▶ active ──three checks fail──▶ suspended     kube-dns answers in
 *                                      ▲                              │          all states but one
 *                                      └── self-query passes, later ──┘
 *
 * While it is active the lease is renewed each second. It runs out when the process is frozen or
 * starved; the watchdog ends a process that hangs; and a process that dies takes the interface along.
 */
export class Interception {
  readonly #parts: InterceptionParts
  #interface: NodeInterface | null = null
  #rules: Rules | null
  readonly #setup: SetupFailures
  readonly #pauses = new SuspensionPause({ first: PAUSE, last: LAST_PAUSE })
  #onSockets = false
  #watchdog: { stop(): void } | null = null
  #renewal: NodeJS.Timeout | null = null
  #sync: NodeJS.Timeout | null = null
  #active = false
  #begun = false
  #checking = false
  #syncing: Promise<void> | null = null
  #failures = 0
  /** Turns until interception may begin again. */
  #pause = 0
  /** What was said last, so that it is not repeated each second. */
  #said = ''
  #ending = false
  #ended = false
  #handedOver = false

  constructor(parts: InterceptionParts) {
    this.#parts = parts
    this.#rules = parts.rules
    this.#setup = new SetupFailures(parts.log)
    parts.readiness.hold(WAITING)
  }

  /** The TUN that a successor is to have; null where there is none. */
  get tun(): number | null {
    return this.#interface?.fd ?? null
  }

  /** Whether every query for our addresses is led here, unless interception is suspended. */
  get leadsAll(): boolean {
    return this.#begun && this.#rules?.leadsAll === true
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
      interceptionState.rules = 'none'
      // Another dnslet's rules lead queries here as well; ours may have to be others than we know yet.
      const isLed = shared && !inherited && (await this.#rules?.isLeased()) === true
      if (this.#rules !== null && !isLed) await this.#install(this.#rules, inherited)
      if (inherited || (await this.#mayBegin()) === null) await this.#begin()
    } catch (cause) {
      // The other one goes on with what it has.
      if (shared) this.abandon()
      else await this.release(false)
      throw cause
    }
    this.#renewal = setInterval(() => void this.#turn(), RENEW_MS)
    this.#sync = setInterval(() => void this.sync(), this.#parts.syncIntervalMs)
    void this.sync()
  }

  /** Puts back what somebody else has taken away, and looks who could answer in our place. Never rejects. */
  sync(): Promise<void> {
    if (this.#ended) return Promise.resolve()
    this.#syncing ??= this.#repair().finally(() => (this.#syncing = null))
    return this.#syncing
  }

  /** The end is near: what has not begun, or is suspended, does not begin any more. */
  beginNoMore(): void {
    this.#ending = true
  }

  /** Graceful end, first half: queries go to kube-dns from now on, and those on their way are here. */
  async withdraw(): Promise<void> {
    if (this.#handedOver) return
    this.#end()
    try {
      await this.#rules?.withdraw()
    } catch (cause) {
      this.#setup.failed('iptables', cause)
    }
    await sleep(DRAIN_MS)
  }

  /**
   * Graceful end, second half: every query has its answer, and the addresses go. Never rejects.
   * @param keep rules, and a link that can outlive us, stay
   */
  async release(keep: boolean): Promise<void> {
    if (keep) this.#interface?.abandon()
    else this.#interface?.release()
    this.#interface = null
    this.#watchdog?.stop()
    if (keep || this.#handedOver) return
    try {
      await this.#rules?.remove()
    } catch (cause) {
      this.#setup.failed('iptables', cause)
    }
  }

  /** Another dnslet has the interface, and the rules are its own. */
  abandon(): void {
    this.#handedOver = true
    this.#end()
    this.#interface?.abandon()
    this.#interface = null
    this.#watchdog?.stop()
  }

  #end(): void {
    this.#ended = true
    this.#active = false
    interceptionState.active = 0
    if (this.#renewal !== null) clearInterval(this.#renewal)
    if (this.#sync !== null) clearInterval(this.#sync)
  }

  readonly #rulesFailed = (cause: unknown): void => this.#setup.failed('iptables', cause)

  async #turn(): Promise<void> {
    if (this.#active) this.#renew()
    if (this.#rules !== null) this.#parts.fallback?.turn(this.#rules, this.#rulesFailed)
    if (this.#checking) return
    this.#checking = true
    try {
      if (this.#active) await this.#check()
      else if (this.#ending) return
      else if (this.#pause > 0) this.#pause--
      else if ((await this.#mayBegin()) === null) await this.#begin()
    } catch (cause) {
      this.#setup.failed('interface_add', cause)
    } finally {
      this.#checking = false
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
    const rules = this.#rules
    if (rules === null) return
    void rules.renew().then((renewed) => {
      if (!renewed && this.#active) void this.sync()
    })
  }

  async #check(): Promise<void> {
    const problem = await this.#parts.served.selfCheck()
    this.#failures = problem === null ? 0 : this.#failures + 1
    this.#pauses.checked(problem === null)
    if (this.#failures <= TOLERATED_FAILURES || this.#ended) return
    this.#active = false
    this.#pause = this.#pauses.take()
    interceptionState.active = 0
    interceptionState.suspensions++
    this.#parts.readiness.hold(SUSPENDED)
    this.#parts.log.error(
      `Interception is suspended, and kube-dns answers within seconds: ${problem}`,
    )
  }

  /** Null where we may intercept, or why not: told once for each reason. */
  async #mayBegin(): Promise<string | null> {
    const { served } = this.#parts
    const problem = served.upstreamKnown()
      ? await served.selfQuery()
      : 'the address of the upstream Service is not known'
    if (problem !== null && problem !== this.#said) {
      this.#parts.log.warning(`Nothing is intercepted, kube-dns answers: ${problem}`)
    }
    this.#said = problem ?? ''
    return problem
  }

  async #begin(): Promise<void> {
    const { libc, log, readiness, openInterface } = this.#parts
    await this.#syncing
    if (this.#ending || this.#ended) return
    if (this.#interface !== null) this.#interface.ensure()
    else if (openInterface !== null) this.#interface = openInterface()
    await this.#fitRules()
    if (this.#rules !== null && interceptionState.rules === 'none') {
      await this.#install(this.#rules, true)
    }
    await this.#rules?.renew()
    if (this.#ended) return
    this.#watchdog ??= startWatchdog(libc)
    this.#failures = 0
    this.#active = this.#begun = true
    this.#setup.succeeded('interface_add')
    interceptionState.active = 1
    readiness.release(WAITING)
    readiness.release(SUSPENDED)
    log.info('Queries of this node are intercepted')
  }

  /** On `lo` the addresses are local whether we live or not: the rules have to ask for more. */
  async #fitRules(): Promise<void> {
    interceptionState.interface = this.#interface?.kind ?? 'none'
    if (this.#interface?.kind !== 'lo' || this.#rules === null || this.#onSockets) return
    const rules = await this.#parts.socketRules()
    await this.#install(rules, await rules.isLeased())
    this.#rules = rules
    this.#onSockets = true
  }

  async #install(rules: Rules, goesOn: boolean): Promise<void> {
    const { fallback } = this.#parts
    // Known from the first packet on: until then the targets of an earlier process answer.
    if (fallback !== null) await rules.setFallback(fallback.known)
    await rules.install(goesOn)
    interceptionState.rules = rules.kind
  }

  async #repair(): Promise<void> {
    if (this.#active && this.#interface !== null) {
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
      if (!this.#ended) await this.#parts.fallback?.refresh(rules, this.#rulesFailed)
      this.#setup.succeeded('iptables')
    } catch (cause) {
      this.#setup.failed('iptables', cause)
    }
  }

  #tell(repaired: readonly string[], what: 'interface' | 'rules'): void {
    if (repaired.length === 0) return
    interceptionState.repairs[what] += repaired.length
    this.#parts.log.warning(`Added back: ${repaired.join('; ')}`)
  }
}
