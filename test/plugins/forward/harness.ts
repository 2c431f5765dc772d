import { KeptStates, type StateUser } from '../../../src/daemon/kept-states.ts'
import { Clock } from '../../../src/lib/clock.ts'
import type { Log } from '../../../src/lib/log.ts'
import { forward } from '../../../src/plugins/forward/index.ts'
import type { Stage } from '../../../src/serve/plugin.ts'
import { type Observer, Protocol, Query, type ReplyTarget } from '../../../src/serve/query.ts'
import type { Server } from '../../../src/serve/server.ts'
import { Flag } from '../../../src/wire/codes.ts'
import { readFlags, readId } from '../../../src/wire/header.ts'
import type { Records } from '../../../src/wire/records.ts'
import { directivesOf } from '../../helpers/directives.ts'
import type { Owner } from '../../helpers/processes.ts'
import { testBlock } from '../../helpers/services.ts'
import { serverOf } from '../../serve/one-block.ts'
import { message, opt, questionOf, recordsOf } from '../../wire/message.ts'

/** A reply as the client sees it, and what the server knows of it. */
export interface Reply {
  readonly wire: Buffer
  readonly id: number
  readonly flags: number
  readonly rcode: number
  readonly records: Records
  readonly ede: number
  readonly error: string | null
  readonly answeredBy: string
  /** Milliseconds from asking to the reply, by the clock of the block. */
  readonly took: number
}

export interface AskOptions {
  readonly over?: 'udp' | 'tcp'
  readonly type?: number
  readonly class?: number
  readonly flags?: number
  readonly edns?: boolean
  readonly dnssecOk?: boolean
  /** EDNS options that a plugin gave the query. */
  readonly options?: Buffer
  /** How long ago the client asked, in milliseconds. */
  readonly age?: number
  /** The part of the daemon whose question it is. */
  readonly asker?: Observer
}

/** Lines as the log wrote them. */
export class LogLines implements Log {
  readonly lines: string[] = []
  #write(level: string): (text: string) => void {
    return (text) => void this.lines.push(`[${level}] ${text}`)
  }
  readonly debug: (text: string) => void = this.#write('DEBUG')
  readonly info: (text: string) => void = this.#write('INFO')
  readonly warning: (text: string) => void = this.#write('WARNING')
  readonly error: (text: string) => void = this.#write('ERROR')
  readonly fatal: (text: string) => void = this.#write('FATAL')
  plugin(): Log {
    return this
  }
}

/** One client per query: the reply settles its promise. */
class Client implements ReplyTarget {
  readonly protocol: Protocol
  readonly maxSize = 65_535
  readonly localAddress = '127.0.0.1'
  readonly localPort = 53
  readonly #settle: (reply: Reply) => void
  readonly #clock: Clock
  readonly #askedAt: number
  #sent = false

  constructor(protocol: Protocol, clock: Clock, settle: (reply: Reply) => void) {
    this.protocol = protocol
    this.#clock = clock
    this.#askedAt = clock.refresh()
    this.#settle = settle
  }

  reserve(): Buffer {
    return Buffer.alloc(65_535)
  }

  send(q: Query, length: number): void {
    if (this.#sent) throw new Error('two replies to one query')
    this.#sent = true
    const wire = Buffer.from(q.out.subarray(0, length))
    const flags = readFlags(wire)
    const records = recordsOf(wire, questionOf(wire))
    const { error, answeredBy } = q
    const took = this.#clock.refresh() - this.#askedAt
    const { ede } = records
    const id = readId(wire)
    this.#settle({ wire, id, flags, rcode: flags & 15, records, ede, error, answeredBy, took })
  }

  drop(): void {
    throw new Error('dropped')
  }

  remoteAddress(): string {
    return '127.0.0.1'
  }

  remotePort(): number {
    return 1
  }

  isIPv6(): boolean {
    return false
  }
}

/** Reads the `forward` directives of a Corefile body and sets them up, opening nothing. */
export function setup(body: string, kept: StateUser, clock: Clock, log: Log): Stage {
  const services = { clock, log, keep: kept.keep }
  return forward.setup(directivesOf('forward', body), testBlock({ identity: body, services }))
}

/** The time is read at least so often, unless the process stands still. */
const LOOK_MS = 5
/** A longer pause of the process is one of the machine, and counts as this much. */
const PAUSE_MS = 20

/**
 * A clock that can be held, or moved, for what lasts a second however busy the machine is. It stands still with the machine:
 * the upstream is a part of this process, so that after a pause of 50 ms each query under way is late, is asked
 * again, and tells nothing of who asks.
 */
class HeldClock extends Clock {
  readonly #look = setInterval(() => this.refresh(), LOOK_MS).unref()
  #seen = this.now
  #isHeld = false

  hold(): void {
    this.#isHeld = true
  }

  goOn(): void {
    this.#isHeld = false
  }

  /** Lets `ms` milliseconds be over at once, in which nothing happens. */
  pass(ms: number): void {
    this.now += ms
  }

  override refresh(): number {
    const seen = performance.now()
    if (!this.#isHeld) this.now += Math.min(seen - this.#seen, PAUSE_MS)
    this.#seen = seen
    return this.now
  }

  stop(): void {
    clearInterval(this.#look)
  }
}

/** A server block `. { forward … }` without sockets of its own, in front of real upstreams. */
export class Front {
  readonly clock: HeldClock = new HeldClock()
  readonly log: LogLines = new LogLines()
  readonly states: KeptStates
  readonly stage: Stage
  /** What stages threw. */
  readonly panics: unknown[] = []
  readonly #user: StateUser
  readonly #server: Server
  #nextId = 1

  private constructor(body: string, states: KeptStates) {
    this.states = states
    this.#user = states.open()
    this.stage = setup(body, this.#user, this.clock, this.log)
    this.#server = serverOf([{ name: 'forward', stage: this.stage }], [], (cause) =>
      this.panics.push(cause),
    )
  }

  /** Sets the directives up and starts them; stopped by its owner's end. */
  static async start(
    owner: Owner,
    body: string,
    states: KeptStates = new KeptStates(),
  ): Promise<Front> {
    const front = new Front(body, states)
    owner.after(() => front.stop())
    await front.stage.start?.()
    return front
  }

  async stop(): Promise<void> {
    await this.stage.stop?.(true)
    this.#user.release()
    this.clock.stop()
  }

  /** Asks as a client does; resolves with the reply. */
  ask(name: string, o: AskOptions = {}): Promise<Reply> {
    const { over = 'udp', flags = Flag.RD, edns = false, dnssecOk = false, age = 0 } = o
    const wire = message({
      id: this.#nextId++,
      name,
      flags,
      ...(o.type === undefined ? {} : { type: o.type }),
      ...(o.class === undefined ? {} : { class: o.class }),
      additional: edns || dnssecOk ? [opt({ dnssecOk })] : [],
    })
    return new Promise((resolve) => {
      const protocol = over === 'tcp' ? Protocol.Tcp : Protocol.Udp
      const q = new Query(new Client(protocol, this.clock, resolve))
      q.reset(wire, wire.length, this.clock.refresh() - age)
      q.asker = o.asker ?? null
      q.options = o.options ?? null
      this.#server.dispatch(q)
      // A socket's own query and its octets serve the next packet at once.
      wire.fill(0xff)
    })
  }
}
