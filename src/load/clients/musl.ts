import { Rcode } from '../../wire/codes.ts'
import { clientSockaddr, sockaddrSize } from '../../sys/sockaddr.ts'
import { askTcp } from '../ask-tcp.ts'
import {
  type ClientParts,
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
import { type Asked, isConclusive, queriesFor, type Reply, readReply } from '../message.ts'
import { type Candidate, muslNames } from '../search-list.ts'
import { mapped } from '../sockets-dgram.ts'
import type { SocketOwner, UdpPort } from '../sockets.ts'
import { ResolverClient } from './resolver-client.ts'

/** What programs on Alpine do. */
export const musl: Manner = {
  name: 'musl',
  describe:
    'A and AAAA at once to all servers from one unconnected socket, again after half the time',
  descriptors: 1,
  create: (parts) => new MuslClient(parts),
}

/**
 * musl's stub resolver (1.2: name_from_dns_search, __res_msend). It waits `timeout` in all, and sends
 * what is unanswered again `attempts` times in it. A look-up fails where one of its answers stays away.
 */
class MuslClient extends ResolverClient {
  protected override make(host: string, done: Done): LookUp {
    return new LookUp(this.parts, muslNames(host, this.parts.config), done)
  }
}

class LookUp implements SocketOwner {
  readonly #parts: ClientParts
  readonly #names: readonly Candidate[]
  readonly #done: Done
  readonly #ipv6: boolean
  /** Socket addresses of the servers. */
  readonly #serverNames: readonly Buffer[]
  #name = -1
  #asked: readonly Asked[] = []
  #replies: (Reply | null)[] = []
  #port: UdpPort | null = null
  readonly #deadline = new Deadline()
  #sends = 0
  /** How often SERVFAIL is taken for a reason to ask again at once, until the next round. */
  #servFailRetries = 0
  readonly #cancels = new Set<() => void>()

  constructor(parts: ClientParts, names: readonly Candidate[], done: Done) {
    this.#parts = parts
    this.#names = names
    this.#done = done
    const { servers } = parts.config
    this.#ipv6 = servers.some(({ host }) => host.includes(':'))
    this.#serverNames = servers.map(({ host, port }) => {
      return clientSockaddr(mapped(host, this.#ipv6), port).subarray(0, sockaddrSize(this.#ipv6))
    })
  }

  nextName(): void {
    this.cancel()
    const candidate = this.#names[++this.#name]
    if (candidate === undefined) return this.#end(noName)
    const asked = queriesFor(candidate.name, this.#parts.types)
    if (asked === null) return this.nextName()
    this.#asked = asked
    this.#replies = asked.map(() => null)
    this.#sends = 0
    this.#port = this.#parts.sockets.open(this.#ipv6, this)
    this.#sendRound()
  }

  cancel(): void {
    this.#deadline.clear()
    this.#port?.close()
    this.#port = null
    for (const cancel of this.#cancels) cancel()
    this.#cancels.clear()
  }

  message(bytes: Buffer, length: number, from: Buffer | null): void {
    const { packets } = this.#parts
    packets.received++
    const server = from === null ? -1 : this.#serverNames.findIndex((name) => isSame(name, from))
    let reply: Reply | null = null
    const at = this.#asked.findIndex((asked, i) => {
      if (this.#replies[i] !== null) return false
      reply = readReply(bytes, length, asked)
      return reply !== null
    })
    if (server < 0 || at < 0 || reply === null) {
      packets.rejected++
      return
    }
    this.#take(at, server, reply)
  }

  failed(code: string): void {
    this.#end(failure(code))
  }

  #take(at: number, server: number, reply: Reply): void {
    const { config } = this.#parts
    if (reply.truncated) return this.#askTcp(at, server)
    if (reply.rcode === Rcode.ServFail && this.#servFailRetries-- > 0) {
      this.#parts.packets.retries++
      this.#parts.packets.sent++
      return this.#port?.send([this.#asked[at]!.query], config.servers[server]!)
    }
    // Any other error is passed over: another server may know better.
    if (!isConclusive(reply) && !reply.malformed) return
    this.#settle(at, reply)
  }

  #settle(at: number, reply: Reply): void {
    this.#replies[at] = reply
    if (this.#replies.every((one) => one !== null)) this.#judge(this.#replies)
  }

  #judge(replies: readonly Reply[]): void {
    for (const { malformed: isMalformed, rcode } of replies) {
      if (isMalformed) return this.#end(malformed)
      if (rcode === Rcode.NXDomain) return this.nextName()
      if (rcode !== Rcode.NoError) return this.#end(rcodeOutcome(rcode))
    }
    this.#end(replies.some(({ hasRecords }) => hasRecords) ? found : noData)
  }

  /** Sends what is unanswered to all servers, and comes back after a part of the time. */
  #sendRound(): void {
    const { attempts, servers, timeoutMs } = this.#parts.config
    if (this.#sends === attempts) return this.#end(timedOut)
    const { packets } = this.#parts
    const open = this.#asked.filter((_, i) => this.#replies[i] === null)
    const queries = open.map(({ query }) => query)
    if (this.#sends > 0) packets.retries += queries.length * servers.length
    this.#sends++
    this.#servFailRetries = 2 * this.#asked.length
    packets.sent += queries.length * servers.length
    for (const server of servers) this.#port?.send(queries, server)
    this.#deadline.set(timeoutMs / attempts, () => this.#sendRound())
  }

  #askTcp(at: number, server: number): void {
    const { config, packets } = this.#parts
    const asked = [this.#asked[at]!]
    const cancel = askTcp(
      config.servers[server]!,
      asked,
      config.timeoutMs,
      packets,
      (_, [reply]) => {
        this.#cancels.delete(cancel)
        // Without one, the time will be up.
        if (reply !== null && reply !== undefined && !reply.truncated) this.#settle(at, reply)
      },
    )
    this.#cancels.add(cancel)
  }

  #end(outcome: Outcome): void {
    this.cancel()
    this.#done(outcome)
  }
}

/** Whether a socket address is the sender's: what lies behind it in the sender's buffer is an older one's. */
function isSame(name: Buffer, from: Buffer): boolean {
  return from.compare(name, 0, name.length, 0, name.length) === 0
}
