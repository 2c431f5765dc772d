import { Outcome, Protocol, type Query } from '../../../src/serve/query.ts'
import { clientSockaddr } from '../../../src/sys/sockaddr.ts'
import { accepted, FakeTarget, receive } from '../../serve/fake-target.ts'
import { message } from '../../wire/message.ts'

export interface Seen {
  readonly name?: string
  readonly client?: string
  readonly rcode?: number
  readonly tcp?: boolean
  readonly change?: Partial<Query>
}

const targets = [new FakeTarget(Protocol.Udp), new FakeTarget(Protocol.Tcp)] as const

/** A query that is over, as observers get it. */
export function seenQuery({ name, client = '10.244.1.7', rcode = 0, tcp, change }: Seen): Query {
  const target = targets[tcp === true ? 1 : 0]
  const q =
    name === undefined ? receive(Buffer.alloc(12), target) : accepted(message({ name }), target)
  q.client = clientSockaddr(client, 40_000 + Math.trunc(Math.random() * 1000))
  q.outcome = Outcome.Message
  q.rcode = rcode
  return Object.assign(q, change)
}
