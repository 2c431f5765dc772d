import { Rcode } from '../../wire/codes.ts'
import { askTcp } from '../ask-tcp.ts'
import {
  type ClientParts,
  type Done,
  failure,
  found,
  malformed,
  noData,
  noName,
  type Outcome,
  rcodeOutcome,
  timedOut,
} from '../client.ts'
import { type Asked, isConclusive, queriesFor, type Reply } from '../message.ts'
import { type Candidate, glibcNames } from '../search-list.ts'
import { PairExchange } from './pair-exchange.ts'
import { ResolverClient } from './resolver-client.ts'

/**
 * How the questions of a look-up are put: both at once from one socket, one after the other from one,
 * each from a socket of its own, or over TCP.
 */
export type GlibcMode = 'parallel' | 'serial' | 'reopen' | 'tcp'

/** glibc waits for TCP as long as the kernel does, two minutes: a look-up that long tells nothing more. */
const TCP_TIMEOUT_MS = 30_000

/**
 * glibc's stub resolver (2.36: res_search, res_send, getaddrinfo). Each look-up is that of a program that
 * has just started: a thread of glibc's asks one question after the other from its first loss on.
 */
export class GlibcClient extends ResolverClient {
  readonly mode: GlibcMode

  constructor(parts: ClientParts, mode: GlibcMode) {
    super(parts)
    this.mode = mode
  }

  protected override make(host: string, done: Done): LookUp {
    return new LookUp(this, glibcNames(host, this.parts.config), done)
  }
}

/** A look-up on its way through names, attempts and servers. */
class LookUp {
  readonly #client: GlibcClient
  readonly #names: readonly Candidate[]
  readonly #done: Done
  #asked: readonly Asked[] = []
  #name = -1
  /** Attempts so far at this name, over all servers. */
  #tries = 0
  #first = 0
  /** What one server after the other had to say to this name. */
  #worst: Outcome = timedOut
  /** What the host as it is had come to, where it came first. */
  #saved: Outcome | null = null
  #gotNoData = false
  #gotServFail = false
  /** Exchanges by server, kept for a second attempt with their sockets. */
  #exchanges: (PairExchange | null)[] = []
  #cancelTcp: (() => void) | null = null

  constructor(client: GlibcClient, names: readonly Candidate[], done: Done) {
    this.#client = client
    this.#names = names
    this.#done = done
  }

  cancel(): void {
    for (const exchange of this.#exchanges) exchange?.close()
    this.#exchanges = []
    this.#cancelTcp?.()
    this.#cancelTcp = null
  }

  nextName(): void {
    this.cancel()
    const candidate = this.#names[++this.#name]
    if (candidate === undefined) return this.#finish()
    const asked = queriesFor(candidate.name, this.#client.parts.types)
    // What does not fit into a message is not asked.
    if (asked === null) return this.nextName()
    this.#asked = asked
    this.#tries = 0
    this.#worst = failure('ENETUNREACH')
    this.#first = this.#client.firstServer()
    this.#ask()
  }

  /** Sends to the next server, or ends this name. */
  #ask(): void {
    const { attempts, servers } = this.#client.parts.config
    const isTcp = this.#client.mode === 'tcp'
    // Over TCP each server is asked once.
    if (this.#tries >= servers.length * (isTcp ? 1 : attempts)) return this.#failName(this.#worst)
    if (isTcp) this.#askTcp()
    else this.#askUdp()
  }

  #server(): number {
    return (this.#first + this.#tries) % this.#client.parts.config.servers.length
  }

  #askUdp(): void {
    const { config, packets, sockets } = this.#client.parts
    const { servers, timeoutMs } = config
    const at = this.#server()
    // As get_timeout has it: later servers get what is left of a doubled time.
    const place = this.#tries % servers.length
    const wait = place === 0 ? timeoutMs : Math.max((timeoutMs << place) / servers.length, 1)
    let exchange = this.#exchanges[at] ?? null
    if (this.#tries >= servers.length) packets.retries += this.#asked.length
    if (exchange === null) {
      const { mode } = this.#client
      exchange = new PairExchange(sockets, packets, servers[at]!, this.#asked, mode)
      this.#exchanges[at] = exchange
    }
    exchange.ask(wait, {
      answered: (replies) => this.#judge(replies),
      truncated: () => this.#askTcp(),
      failed: (code) => {
        if (code !== null) this.#exchanges[at] = null
        this.#noAnswer(code === null ? timedOut : failure(code))
      },
    })
  }

  #askTcp(): void {
    const { config, packets } = this.#client.parts
    const server = config.servers[this.#server()]!
    this.#cancelTcp = askTcp(server, this.#asked, TCP_TIMEOUT_MS, packets, (error, replies) => {
      this.#cancelTcp = null
      if (error === null) this.#judge(replies)
      else this.#noAnswer(error === 'ETIMEDOUT' ? timedOut : failure(error))
    })
  }

  #noAnswer(outcome: Outcome): void {
    this.#worst = worseOf(this.#worst, outcome)
    this.#tries++
    this.#ask()
  }

  /** @param replies null for a question that stayed without answer when the other one had its */
  #judge(replies: readonly (Reply | null)[]): void {
    const there = replies.filter((reply) => reply !== null)
    if (there.some((reply) => isConclusive(reply))) return this.#judgeName(there)
    const [first] = there
    if (first === undefined) return this.#noAnswer(timedOut)
    this.#exchanges[this.#server()]?.close()
    this.#exchanges[this.#server()] = null
    this.#noAnswer(first.malformed ? malformed : rcodeOutcome(first.rcode))
  }

  #judgeName(replies: readonly Reply[]): void {
    if (replies.some(({ hasRecords }) => hasRecords)) return this.#end(found)
    const { rcode = Rcode.NoError } = replies.find((one) => one.rcode !== Rcode.NoError) ?? {}
    if (rcode === Rcode.NoError) this.#failName(noData)
    else this.#failName(rcode === Rcode.NXDomain ? noName : rcodeOutcome(rcode))
  }

  /** The name came to nothing: goes on with the search list where glibc does. */
  #failName(outcome: Outcome): void {
    const isFirstAsIs = this.#name === 0 && this.#names[0]!.asIs
    if (isFirstAsIs) {
      this.#saved = outcome
      return this.nextName()
    }
    if (outcome === noData) this.#gotNoData = true
    else if (outcome.answer === 'SERVFAIL') this.#gotServFail = true
    else if (outcome !== noName) return this.#end(outcome)
    this.nextName()
  }

  #finish(): void {
    if (this.#saved !== null) return this.#end(this.#saved)
    if (this.#gotNoData) return this.#end(noData)
    this.#end(this.#gotServFail ? rcodeOutcome(Rcode.ServFail) : noName)
  }

  #end(outcome: Outcome): void {
    this.cancel()
    this.#done(outcome)
  }
}

const ranks = ['network', 'refused', 'timeout', 'malformed', 'rcode']

/** Of what several servers said, that which tells most. */
function worseOf(a: Outcome, b: Outcome): Outcome {
  return ranks.indexOf(b.error ?? '') >= ranks.indexOf(a.error ?? '') ? b : a
}
