import type { TestContext } from 'node:test'
import type { Log, LogFields } from '../../src/lib/log.ts'
import { composeChain, type NamedStage } from '../../src/serve/chain.ts'
import { makeFinish } from '../../src/serve/finish.ts'
import type { BlockContext, Plugin, Stage } from '../../src/serve/plugin.ts'
import { Protocol, Query, type ReplyTarget, type ServerIdentity } from '../../src/serve/query.ts'
import { Server } from '../../src/serve/server.ts'
import { directivesOf } from '../helpers/directives.ts'
import { ManualClock } from '../helpers/manual-clock.ts'
import { type GivenServices, testServices } from '../helpers/services.ts'
import { message, opt } from '../wire/message.ts'

export interface LoggedLine {
  readonly level: string
  readonly text: string
  readonly fields: LogFields
}

/** A log that remembers its lines as text, plugin prefix included. */
export class RecordedLog implements Log {
  readonly lines: LoggedLine[]
  readonly #prefix: string

  constructor(lines: LoggedLine[] = [], prefix = '') {
    this.lines = lines
    this.#prefix = prefix
  }

  /** `level text` of each line. */
  get texts(): string[] {
    return this.lines.map(({ level, text }) => `${level} ${text}`)
  }

  debug(text: string, fields?: LogFields): void {
    this.#add('debug', text, fields)
  }

  info(text: string, fields?: LogFields): void {
    this.#add('info', text, fields)
  }

  warning(text: string, fields?: LogFields): void {
    this.#add('warning', text, fields)
  }

  error(text: string, fields?: LogFields): void {
    this.#add('error', text, fields)
  }

  fatal(text: string, fields?: LogFields): void {
    this.#add('fatal', text, fields)
  }

  plugin(name: string): Log {
    return new RecordedLog(this.lines, `plugin/${name}: `)
  }

  #add(level: string, text: string, fields: LogFields = {}): void {
    this.lines.push({ level, text: this.#prefix + text, fields })
  }
}

/** Where replies go: they are kept, and nothing else happens. */
export class TestClient implements ReplyTarget {
  readonly protocol: Protocol
  readonly maxSize: number = 65_535
  readonly localAddress: string
  readonly localPort: number = 53
  readonly replies: Buffer[] = []
  readonly #address: string
  readonly #buffer: Buffer = Buffer.alloc(65_535)

  constructor(protocol: Protocol = Protocol.Udp, address = '10.0.0.7') {
    this.protocol = protocol
    this.#address = address
    this.localAddress = address.includes(':') ? 'fd00::53' : '169.254.20.10'
  }

  reserve(): Buffer {
    return this.#buffer
  }

  send(q: Query, length: number): void {
    this.replies.push(Buffer.from(q.out.subarray(0, length)))
  }

  drop(): void {}

  remoteAddress(): string {
    return this.#address
  }

  remotePort(): number {
    return 40_000
  }

  isIPv6(): boolean {
    return this.#address.includes(':')
  }
}

export interface BlockParts {
  readonly zones?: readonly string[]
  readonly view?: string
  readonly clock?: ManualClock
  readonly log?: Log
  readonly identity?: ServerIdentity
  /** Other stages of the block, below the plugin under test. */
  readonly below?: readonly NamedStage[]
  readonly services?: GivenServices
}

export interface AskParts {
  readonly type?: number
  readonly class?: number
  readonly id?: number
  readonly flags?: number
  readonly dnssecOk?: boolean
  readonly edns?: boolean
  readonly client?: TestClient
}

/** A server block with one plugin under test, what is below it, and a server in front. */
export class TestBlock {
  readonly clock: ManualClock
  readonly log: RecordedLog
  readonly stage: Stage
  readonly context: BlockContext
  readonly server: Server
  /** Produces the outcome of each query. */
  answer: (q: Query) => void = () => {}

  constructor(plugin: Plugin, lines: string, parts: BlockParts = {}) {
    this.clock = parts.clock ?? new ManualClock()
    this.log = new RecordedLog()
    const { zones = ['.'], below = [], identity = { name: 'dns://:53', index: 0 } } = parts
    const stages: NamedStage[] = []
    this.context = {
      zones,
      view: parts.view ?? '',
      keys: zones.map((text) => ({ token: { text, file: 'Corefile', line: 1 }, scheme: 'dns' })),
      servers: [identity.name],
      listeners: [],
      stages,
      identity: '',
      services: testServices({
        clock: this.clock,
        log: parts.log ?? this.log,
        ...parts.services,
      }),
    }
    this.stage = plugin.setup(directivesOf(plugin.name, lines), this.context)
    const last: Stage = {
      wrap: (_next, done) => (q) => {
        this.answer(q)
        done(q)
      },
    }
    stages.push({ name: plugin.name, stage: this.stage }, ...below, { name: 'test', stage: last })
    const observer = this.stage.observe === undefined ? [] : [(q: Query) => this.stage.observe!(q)]
    const handler = composeChain(stages, makeFinish(observer))
    this.server = new Server({
      identity,
      zones: new Map(zones.map((zone) => [zone, { handler }])),
      allClasses: false,
      rejected: () => {},
      panicked: (cause) => {
        throw cause
      },
    })
  }

  /** Starts the stage, to be stopped when the test is over. */
  async start(t: Pick<TestContext, 'after'>): Promise<void> {
    t.after(() => this.stage.stop?.(true))
    await this.stage.start?.()
  }

  /** Sends a query through the block, answered by `answer`. */
  ask(name: string, answer: (q: Query) => void, parts: AskParts = {}): void {
    const { client = new TestClient(), dnssecOk = false, edns = dnssecOk } = parts
    const wire = message({
      name,
      id: parts.id ?? 0x1234,
      flags: parts.flags ?? 0x0100,
      ...(parts.type === undefined ? {} : { type: parts.type }),
      ...(parts.class === undefined ? {} : { class: parts.class }),
      additional: edns ? [opt({ dnssecOk })] : [],
    })
    this.send(wire, answer, client)
  }

  /** Sends octets through the server, answered by `answer` where they reach the block. */
  send(wire: Buffer, answer: (q: Query) => void, client: TestClient = new TestClient()): void {
    this.answer = answer
    const q = new Query(client)
    q.reset(wire, wire.length, this.clock.now)
    this.server.dispatch(q)
  }
}

/** An outcome for `ask`: the message, whose question is the query's own. */
export function answerWith(
  m: Omit<Parameters<typeof message>[0], 'name' | 'type'>,
  by = 'forward',
): (q: Query) => void {
  return (q) => {
    const { question } = q
    const whole = message({ ...m, name: '.', type: question.type })
    const out = q.reserve()
    // Header, the query's own question, then the records.
    whole.copy(out, 0, 0, 12)
    q.wire.copy(out, 12, 12, question.end)
    whole.copy(out, question.end, 17)
    q.outLength = question.end + whole.length - 17
    q.outcome = 1
    q.answeredBy = by
  }
}
