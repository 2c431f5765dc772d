import type { TestContext } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'

import { interceptionState } from '../../src/host/interception-metrics.ts'
import type { InterceptionParts } from '../../src/host/interception-parts.ts'
import { Interception } from '../../src/host/interception.ts'
import type { NodeInterface } from '../../src/host/interface.ts'
import type { Rules } from '../../src/host/rules/rules.ts'
import { Beat } from '../../src/lib/beat.ts'
import { Holds } from '../../src/lib/holds.ts'
import type { Libc } from '../../src/sys/libc.ts'
import { LinesLog } from '../helpers/lines-log.ts'

/** A node of fakes. What interception does to it stands in `calls`, in order. */
export class FakeNode {
  readonly calls: string[] = []
  readonly log: LinesLog = new LinesLog()
  readonly readiness: Holds = new Holds()
  readonly interception: Interception
  upstreamKnown = true
  selfQuery: string | null = null
  selfCheck: string | null = null
  kind: NodeInterface['kind'] = 'tun'
  /** Whether the link is there. */
  linked = true
  /** What the next ensure() and check() put back. */
  missing: string[] = []
  alien: string[] = []
  /** Whether another dnslet leads queries here. */
  leased = false
  /** What the lease says to its renewal. */
  renewed: Promise<boolean> = Promise.resolve(true)
  /** By the name of a call: what it fails with. */
  readonly failures: Map<string, Error> = new Map()
  readonly #timers: TestContext['mock']['timers']

  constructor(t: TestContext, more: Partial<InterceptionParts> = {}) {
    this.#timers = t.mock.timers
    t.mock.timers.reset()
    t.mock.timers.enable({ apis: ['setInterval'] })
    // It belongs to the process, of which a daemon has only one.
    interceptionState.active = 0
    this.interception = new Interception({
      libc: {
        exitOnSignal() {},
        alarm: (s: number) => this.#call(`alarm ${s}`),
      } as unknown as Libc,
      log: this.log,
      served: {
        upstreamKnown: () => this.upstreamKnown,
        selfQuery: () => Promise.resolve(this.selfQuery),
        selfCheck: () => Promise.resolve(this.selfCheck),
      },
      readiness: this.readiness,
      rules: this.rules('rules'),
      socketRules: async () => {
        this.#call('socket rules chosen')
        return this.rules('socket rules')
      },
      openInterface: () => this.#open(),
      fallback: null,
      isAlone: () => false,
      isShared: () => false,
      syncIntervalMs: 60_000,
      beat: new Beat(),
      ...more,
    })
  }

  /** Rules whose calls are noted under this name. */
  rules(name: string): Rules {
    const noted = async (what: string): Promise<void> => this.#call(`${name} ${what}`)
    return {
      kind: 'nft',
      lease: 'set',
      leadsAll: name === 'rules',
      install: (intercepting) => noted(intercepting === true ? 'go on' : 'installed'),
      check: (shared) =>
        noted(shared === true ? 'looked for' : 'checked').then(() => this.alien.splice(0)),
      isLeased: () => Promise.resolve(this.leased),
      renewFallback: () => noted('fallback renewed'),
      renew: () => noted('renewed').then(() => this.renewed),
      setFallback: (targets) => noted(`fall back to ${targets.join()}`),
      withdraw: () => noted('withdrawn'),
      remove: () => noted('removed'),
    }
  }

  /** Milliseconds pass, and everything that they set off happens. */
  async pass(ms: number): Promise<void> {
    for (let rest = ms; rest > 0; rest -= 1000) {
      this.#timers.tick(Math.min(rest, 1000))
      await this.settle()
    }
  }

  async settle(): Promise<void> {
    for (let i = 0; i < 5; i++) await nextTurn()
  }

  /** The calls since this was last asked; those of the watchdog are left out. */
  done(): string[] {
    return this.calls.splice(0).filter((call) => !call.startsWith('alarm'))
  }

  #open(): NodeInterface {
    this.#call('interface opened')
    const kind = (): NodeInterface['kind'] => this.kind
    return {
      get kind() {
        return kind()
      },
      fd: 7,
      ensure: () => {
        this.#call('interface ensured')
        return this.missing.splice(0)
      },
      renew: () => {
        this.#call('interface renewed')
        return this.linked
      },
      remove: () => this.#call('interface released'),
      leave: () => this.#call('interface abandoned'),
    }
  }

  #call(what: string): void {
    this.calls.push(what)
    const failure = this.failures.get(what)
    if (failure !== undefined) throw failure
  }
}
