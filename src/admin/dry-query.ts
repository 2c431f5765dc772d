import { Protocol, Query, type ReplyTarget, type ServerIdentity } from '../serve/query.ts'
import { clientSockaddr } from '../sys/sockaddr.ts'
import { Flag } from '../wire/codes.ts'
import { OPT_SIZE, writeOpt } from '../wire/edns.ts'
import { makeQuery } from '../wire/query.ts'
import { parseQuestion } from '../wire/question.ts'
import { MAX_MESSAGE } from '../wire/records.ts'

/** What a client on this machine takes over UDP. */
const UDP_SIZE = 1232
/** Who seems to ask: blocks with a `view`, and `acl`, want to know. */
const CLIENT = '127.0.0.1'

/** Where the answer to a question of an operator's goes: to whoever waits in here, if anybody does. */
export class OperatorTarget implements ReplyTarget {
  readonly protocol: Protocol = Protocol.Udp
  readonly maxSize: number = MAX_MESSAGE
  readonly localAddress: string
  readonly localPort: number
  /** Called once, with the query as it was answered, or dropped; borrowed until it returns. */
  answered: ((q: Query) => void) | null = null
  #buffer: Buffer | null = null

  constructor({ name }: ServerIdentity) {
    const [, host = '', port = '0'] = /^\w+:\/\/(.*):(\d+)$/.exec(name) ?? []
    this.localAddress = host.replace(/^\[|\]$/g, '')
    this.localPort = Number(port)
  }

  reserve(): Buffer {
    return (this.#buffer ??= Buffer.allocUnsafeSlow(MAX_MESSAGE))
  }

  send(q: Query): void {
    this.#end(q)
  }

  drop(q: Query): void {
    this.#end(q)
  }

  #end(q: Query): void {
    const { answered } = this
    this.answered = null
    answered?.(q)
  }

  remoteAddress(): string {
    return CLIENT
  }

  remotePort(): number {
    return 0
  }

  isIPv6(): boolean {
    return false
  }
}

/**
 * A query as a client on this machine would send it to this server over UDP. Nobody has sent it.
 *
 * @param name a domain name in presentation format
 * @param now `Clock.now`
 */
export function operatorQuery(
  target: OperatorTarget,
  server: ServerIdentity,
  name: string,
  type: number,
  now: number,
): Query {
  const question = makeQuery(0, Flag.RD | Flag.AD, name, type)!
  const wire = Buffer.concat([question, Buffer.alloc(OPT_SIZE)])
  const length = writeOpt(wire, question.length, UDP_SIZE, 0, false)
  const q = new Query(target)
  q.reset(wire, length, now)
  parseQuestion(wire, length, q.question)
  q.flags = Flag.RD | Flag.AD
  q.edns.present = true
  q.edns.udpSize = UDP_SIZE
  q.client = clientSockaddr(CLIENT, 0)
  q.server = server
  return q
}
