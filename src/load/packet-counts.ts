import type { Packets } from './result.ts'

/** What a run has sent and received so far. */
export class PacketCounts implements Packets {
  sent = 0
  received = 0
  retries = 0
  rejected = 0
  connections = 0

  /** As they are now. */
  figures(): Packets {
    const { connections, received, rejected, retries, sent } = this
    return { sent, received, retries, rejected, connections }
  }
}
