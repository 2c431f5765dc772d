import { Protocol, type Query } from '../serve/query.ts'
import { sockaddrPort } from '../sys/sockaddr.ts'
import type { ClientStream } from './client-stream.ts'

/** What a query is told of the stream that it came over. */
export class StreamTarget {
  readonly protocol: Protocol = Protocol.Tcp
  readonly maxSize: number = 65_535
  readonly stream: ClientStream

  constructor(stream: ClientStream) {
    this.stream = stream
  }

  get client(): string {
    return this.stream.client
  }

  get localAddress(): string {
    return this.stream.localAddress
  }

  get localPort(): number {
    return this.stream.localPort
  }

  remoteAddress(_q: Query): string {
    return this.stream.remoteAddress
  }

  remotePort(q: Query): number {
    return sockaddrPort(q.client)
  }

  isIPv6(_q: Query): boolean {
    return this.stream.remoteAddress.includes(':')
  }
}
