import { Protocol, type Query, type ReplyTarget } from '../../serve/query.ts'

/**
 * The target of queries the cache asks on its own account: the reply is built here, stored by the
 * cache, and goes to nobody.
 */
class BackgroundTarget implements ReplyTarget {
  readonly protocol: Protocol
  readonly maxSize = 65_535
  readonly localAddress = ''
  readonly localPort = 0
  /** Made on first use: many caches never ask on their own. */
  #buffer: Buffer | null = null

  constructor(protocol: Protocol) {
    this.protocol = protocol
  }

  reserve(): Buffer {
    this.#buffer ??= Buffer.allocUnsafeSlow(65_535)
    return this.#buffer
  }

  send(): void {}
  drop(): void {}

  remoteAddress(): string {
    return ''
  }

  remotePort(): number {
    return 0
  }

  isIPv6(): boolean {
    return false
  }
}

const overUdp = new BackgroundTarget(Protocol.Udp)
const overTcp = new BackgroundTarget(Protocol.Tcp)

/** A copy of the query without a client; `forward` still sees the protocol the client used. */
export function inBackground(q: Query, now: number): Query {
  const copy = q.copy()
  copy.target = q.target.protocol === Protocol.Tcp ? overTcp : overUdp
  copy.receivedAt = now
  return copy
}
