import type { TestContext } from 'node:test'
import { type Directive, parse } from '../../src/corefile/parse.ts'
import { ByteBudget } from '../../src/lib/byte-budget.ts'
import { ManualClock } from '../helpers/manual-clock.ts'
import { Holds } from '../../src/lib/holds.ts'
import type { Log, LogFields } from '../../src/lib/log.ts'
import { composeChain, type NamedStage } from '../../src/serve/chain.ts'
import { makeFinish } from '../../src/serve/finish.ts'
import type { BlockContext, Plugin, Services, Stage } from '../../src/serve/plugin.ts'
import { Protocol, Query, type ReplyTarget, type ServerIdentity } from '../../src/serve/query.ts'
import { Server } from '../../src/serve/server.ts'
import { message, opt } from '../wire/message.ts'
import { plainHttp } from '../helpers/http.ts'

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
  readonly clock?: ManualClock
  readonly log?: Log
  readonly identity?: ServerIdentity
  /** Other stages of the block, below the plugin under test. */
  readonly below?: readonly NamedStage[]
  readonly services?: Partial<Services>
  /** Those of another block of the same configuration. */
  readonly sameServices?: Services
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

/** Reads lines of a Corefile that hold one directive, once or more often. */
export function directivesOf(name: string, lines: string): readonly Directive[] {
  const [block] = parse(
    { file: 'Corefile', text: `. {\n${lines}\n}\n` },
    { directives: [name], env: {}, files: noFiles, warn: () => {} },
  )
  return block!.directives.get(name)!
}

const noFiles = { read: () => '', list: () => [], isDirectory: () => false } as never

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
      servers: [identity.name],
      listeners: [],
      directives: [plugin.name],
      stages,
      identity: '',
      services: parts.sameServices ?? { ...this.#services(parts), ...parts.services },
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

  #services(parts: BlockParts): Services {
    const kept = new Map<string, unknown>()
    return {
      clock: this.clock,
      log: parts.log ?? this.log,
      http: plainHttp,
      cacheBudget: new ByteBudget(1 << 20),
      keep: <T>(key: string, make: () => T): T => {
        if (!kept.has(key)) kept.set(key, make())
        return kept.get(key) as T
      },
      watchCorefile: () => {},
      fatal: () => {},
      selfCheck: () => Promise.resolve(null),
      readiness: new Holds(),
      untilIdle: () => Promise.resolve(true),
    }
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
