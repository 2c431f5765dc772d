import { Rcode } from '../../wire/codes.ts'
import { askTcp } from '../ask-tcp.ts'
import {
  type Done,
  failure,
  found,
  type Manner,
  malformed,
  noData,
  noName,
  type Outcome,
  rcodeOutcome,
  timedOut,
} from '../client.ts'
import { Deadline } from '../deadline.ts'
import { type Asked, queriesFor, type Reply, readReply } from '../message.ts'
import { type Candidate, goNames } from '../search-list.ts'
import type { SocketOwner, UdpPort } from '../sockets.ts'
import { ResolverClient } from './resolver-client.ts'

/** What programs in Go do that were built without cgo. */
export const go: Manner = {
  name: 'go',
  describe: 'A and AAAA at once from a port each, 5 s, 2 attempts, as programs in Go without cgo',
  descriptors: 2,
  create: (parts) => new GoClient(parts),
}

/** Go asks for no more over UDP (net.maxDNSPacketSize). */
const UDP_SIZE = 1232

/**
 * Go's pure resolver (net.Resolver.goLookupIPCNAMEOrder, tryOneName). A time-out ends one name only: the
 * search list goes on.
 */
class GoClient extends ResolverClient {
  protected override make(host: string, done: Done): LookUp {
    return new LookUp(this, goNames(host, this.parts.config), done)
  }
}

class LookUp {
  readonly #client: GoClient
  readonly #names: readonly Candidate[]
  readonly #done: Done
  #name = -1
  /** The first failure, and that of the host as it is wherever it came. */
  #last: Outcome | null = null
  #open = new Set<Trial>()

  constructor(client: GoClient, names: readonly Candidate[], done: Done) {
    this.#client = client
    this.#names = names
    this.#done = done
  }

  nextName(): void {
    const candidate = this.#names[++this.#name]
    if (candidate === undefined) {
      const last = this.#last ?? noName
      // Nothing was asked: `done` is not called before `lookUp` has returned.
      if (this.#last === null) return void setImmediate(this.#done, last)
      return this.#done(last)
    }
    const asked = queriesFor(candidate.name, this.#client.parts.types, UDP_SIZE)
    if (asked === null) return this.nextName()
    const { singleRequest, singleRequestReopen } = this.#client.parts.config
    this.#ask(asked, candidate, singleRequest || singleRequestReopen)
  }

  cancel(): void {
    for (const trial of this.#open) trial.cancel()
    this.#open.clear()
  }

  #ask(asked: readonly Asked[], candidate: Candidate, oneByOne: boolean): void {
    const outcomes: Outcome[] = []
    const start = (one: Asked): void => {
      const trial = new Trial(this.#client, one, (outcome) => {
        this.#open.delete(trial)
        outcomes.push(outcome)
        if (outcomes.length === asked.length) this.#judge(outcomes, candidate)
        else if (oneByOne) start(asked[outcomes.length]!)
      })
      this.#open.add(trial)
      trial.begin()
    }
    if (oneByOne) start(asked[0]!)
    else for (const one of asked) start(one)
  }

  #judge(outcomes: readonly Outcome[], candidate: Candidate): void {
    if (outcomes.includes(found)) return this.#done(found)
    for (const outcome of outcomes) {
      if (this.#last === null || !candidate.asIs) this.#last = outcome
    }
    this.nextName()
  }
}

/** One question on its way through attempts and servers, each over a socket of its own. */
class Trial implements SocketOwner {
  readonly #client: GoClient
  readonly #asked: Asked
  readonly #done: Done
  readonly #first: number
  #tries = 0
  #last: Outcome = timedOut
  #port: UdpPort | null = null
  readonly #deadline = new Deadline()
  #cancelTcp: (() => void) | null = null

  constructor(client: GoClient, asked: Asked, done: Done) {
    this.#client = client
    this.#asked = asked
    this.#done = done
    this.#first = client.firstServer()
  }

  begin(): void {
    this.cancel()
    const { config, packets, sockets } = this.#client.parts
    const { attempts, servers, timeoutMs, useVc } = config
    if (this.#tries === attempts * servers.length) return this.#done(this.#last)
    const server = servers[(this.#first + this.#tries) % servers.length]!
    if (useVc) return this.#askTcp()
    if (this.#tries > 0) packets.retries++
    packets.sent++
    this.#port = sockets.connect(server, this)
    this.#port.send([this.#asked.query], null)
    this.#deadline.set(timeoutMs, () => this.#fail(timedOut))
  }

  cancel(): void {
    this.#deadline.clear()
    this.#port?.close()
    this.#port = null
    this.#cancelTcp?.()
    this.#cancelTcp = null
  }

  message(bytes: Buffer, length: number): void {
    const { packets } = this.#client.parts
    packets.received++
    const reply = readReply(bytes, length, this.#asked)
    if (reply === null) packets.rejected++
    else if (reply.truncated) this.#askTcp()
    else this.#judge(reply)
  }

  failed(code: string): void {
    this.#fail(failure(code))
  }

  #judge(reply: Reply): void {
    if (reply.malformed) return this.#fail(malformed)
    if (reply.rcode === Rcode.NoError) return this.#end(reply.hasRecords ? found : noData)
    if (reply.rcode === Rcode.NXDomain) return this.#end(noName)
    this.#fail(rcodeOutcome(reply.rcode))
  }

  #askTcp(): void {
    this.cancel()
    const { config, packets } = this.#client.parts
    const server = config.servers[(this.#first + this.#tries) % config.servers.length]!
    const asked = [this.#asked]
    this.#cancelTcp = askTcp(server, asked, config.timeoutMs, packets, (error, [reply]) => {
      this.#cancelTcp = null
      if (error === 'ETIMEDOUT') this.#fail(timedOut)
      else if (error !== null || reply === null || reply === undefined)
        this.#fail(failure(error ?? 'EIO'))
      else this.#judge(reply)
    })
  }

  /** The next server, or the next attempt. */
  #fail(outcome: Outcome): void {
    this.#last = outcome
    this.#tries++
    this.begin()
  }

  #end(outcome: Outcome): void {
    this.cancel()
    this.#done(outcome)
  }
}
