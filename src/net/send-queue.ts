import type { Libc } from '../sys/libc.ts'
import { MessageVector, MSG_DONTWAIT } from '../sys/mmsg.ts'
import { SegmentPlan } from '../sys/segments.ts'
import { sockaddrPort, sockaddrSize } from '../sys/sockaddr.ts'
import { errnoName } from '../sys/socket.ts'
import { type NetCounters, UdpDrop } from './counters.ts'

/** Replies per sendmmsg. */
const COUNT = 64
/** Room for an ordinary reply: 19 × 64, odd for the sake of the processor's cache (see mmsg.ts). */
const STRIDE = 1216
const MAX_MESSAGE = 65_535

/** How a kernel or a device says that it cannot cut messages into datagrams. */
const NO_SEGMENTS: ReadonlySet<string> = new Set(['EINVAL', 'EIO', 'EOPNOTSUPP'])

/** A full send buffer is tried again this often, so long apart, before its replies are dropped. */
const RETRIES = 5
const RETRY_MS = 1

interface Replies {
  readonly vector: MessageVector
  readonly plan: SegmentPlan
}

/** Those of closed sockets: native memory is never freed, so a late answer cannot hit a hole. */
const spare: Replies[] = []

function newReplies(libc: Libc): Replies {
  const vector = new MessageVector(libc, { count: COUNT, stride: STRIDE, size: MAX_MESSAGE })
  return { vector, plan: new SegmentPlan(libc, vector) }
}

/**
 * The replies a batched socket has not handed to the kernel yet, built where sendmmsg reads them.
 *
 *     buffers   | reply 0 | reply 1 …         | reply 2 | free                     STRIDE apart
 *                                                         ↑ next
 *
 * Buffers are 65,535 bytes long and overlap: a reply longer than the stride takes the buffers it
 * reaches into, and the next reply starts behind it. So 64 replies of ordinary size lie close
 * together in 78 KB, and any of them may be of any size.
 */
export class SendQueue {
  readonly #libc: Libc
  readonly #fd: number
  readonly #counters: NetCounters
  readonly #backlogged: (replies: number) => void
  readonly #vector: MessageVector
  readonly #plan: SegmentPlan
  readonly #nameLength: number
  /** Whether replies to one client may leave as one message. */
  #joins = true
  /** Replies queued, and how many of them are gone already. */
  #count = 0
  #sent = 0
  /** The buffer the next reply is built in. */
  #next = 0
  #retries = 0
  #timer: NodeJS.Timeout | null = null

  /** @param backlogged told how many replies a full send buffer has just cost */
  constructor(
    libc: Libc,
    fd: number,
    ipv6: boolean,
    counters: NetCounters,
    backlogged: (replies: number) => void = () => {},
  ) {
    this.#libc = libc
    this.#fd = fd
    this.#backlogged = backlogged
    this.#counters = counters
    const { vector, plan } = spare.pop() ?? newReplies(libc)
    this.#vector = vector
    this.#plan = plan
    this.#nameLength = sockaddrSize(ipv6)
    this.#vector.setNameLength(this.#nameLength)
  }

  /** Whether the kernel has no room, and a further reply would have none here. */
  get isFull(): boolean {
    return this.#timer !== null && this.#next >= COUNT
  }

  /** Where the next reply is to be built; the same buffer until a reply is added. */
  reserve(): Buffer {
    if (this.#next >= COUNT) this.#makeRoom()
    return this.#vector.buffers[this.#next]!
  }

  /** Queues the reply just built, to the sender of message `index` of `received`. */
  replyTo(received: MessageVector, index: number, length: number): void {
    this.#vector.copyName(this.#count, received, index)
    this.#add(length)
  }

  /** Queues the reply just built, to a raw socket address. */
  add(name: Uint8Array, length: number): void {
    this.#vector.setName(this.#count, name)
    this.#add(length)
  }

  /**
   * Sends what is queued, in one system call unless a packet is refused: that one is counted and
   * skipped. What a full send buffer leaves behind stays queued for a few milliseconds.
   */
  flush(): void {
    if (this.#joins && this.#count > 1 && this.#sent === 0) this.#sendJoined()
    else this.#sendEach()
  }

  /** Sends replies to one client together; one by one, from the first that the kernel refuses so. */
  #sendJoined(): void {
    const plan = this.#plan
    const planned = plan.make(this.#count)
    let done = 0
    while (done < planned) {
      const sent = this.#libc.sendmmsg(this.#fd, plan.addressOf(done), planned - done, MSG_DONTWAIT)
      if (sent <= 0) break
      const before = plan.messagesBefore(done)
      done += sent
      this.#counters.udpSent.observe(plan.messagesBefore(done) - before)
    }
    if (done === planned) return this.#clear()
    const error = errnoName(this.#libc.errno())
    if (NO_SEGMENTS.has(error) && this.#isJoined(done)) this.#joins = false
    this.#keepOnly(plan.messagesBefore(done))
    if (error === 'EAGAIN') return this.#retryLater()
    this.#sendEach()
  }

  /** Whether a planned message has several replies, and their client is not to blame: a forged port 0. */
  #isJoined(planned: number): boolean {
    const place = this.#plan.messagesBefore(planned)
    const name = this.#vector.names[this.#plan.messageAt(place)]!
    return this.#plan.messagesBefore(planned + 1) - place > 1 && sockaddrPort(name) !== 0
  }

  /** Forgets the replies that came before `place` in the plan; the others move up. */
  #keepOnly(place: number): void {
    const left: number[] = []
    for (let i = place; i < this.#count; i++) left.push(this.#plan.messageAt(i))
    left.sort((a, b) => a - b)
    for (const [to, from] of left.entries()) if (to !== from) this.#vector.copyMessage(to, from)
    this.#count = left.length
  }

  #sendEach(): void {
    const { udpSent, udpDrops, udpSendErrors } = this.#counters
    while (this.#sent < this.#count) {
      const left = this.#count - this.#sent
      const sent = left === 1 ? this.#sendLast() : this.#sendMany(left)
      if (sent > 0) {
        udpSent.observe(sent)
        this.#sent += sent
        this.#retries = 0
        continue
      }
      const error = errnoName(this.#libc.errno())
      if (error === 'EAGAIN') return this.#retryLater()
      udpSendErrors.get(error).count++
      udpDrops[UdpDrop.Unsendable]!++
      this.#sent++
    }
    this.#clear()
  }

  #sendMany(left: number): number {
    return this.#libc.sendmmsg(this.#fd, this.#vector.addressOf(this.#sent), left, MSG_DONTWAIT)
  }

  /** For one reply the kernel has less to copy: no headers. */
  #sendLast(): number {
    const vector = this.#vector
    const at = this.#sent
    const sent = this.#libc.sendto(
      this.#fd,
      vector.contentAddressOf(at),
      vector.sizeOf(at),
      MSG_DONTWAIT,
      vector.nameAddressOf(at),
      this.#nameLength,
    )
    return sent < 0 ? sent : 1
  }

  /** Ends the queue. What is still in it is dropped. */
  close(): void {
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = null
    this.#dropAll(UdpDrop.Closed)
    spare.push({ vector: this.#vector, plan: this.#plan })
  }

  #add(length: number): void {
    this.#vector.point(this.#count, this.#next, length)
    this.#count++
    this.#next += length <= STRIDE ? 1 : Math.ceil(length / STRIDE)
  }

  #makeRoom(): void {
    this.flush()
    // The kernel took nothing: the newest query is the one whose client still waits.
    if (this.#next >= COUNT) this.#dropAll(UdpDrop.Backlog)
  }

  /** Tries again in a moment; where that has been done often enough, drops everything queued. */
  #retryLater(): void {
    if (this.#timer !== null) return
    if (this.#retries === RETRIES) return this.#dropAll(UdpDrop.Backlog)
    this.#retries++
    this.#timer = setTimeout(() => {
      this.#timer = null
      this.flush()
    }, RETRY_MS)
  }

  #dropAll(reason: UdpDrop): void {
    const dropped = this.#count - this.#sent
    this.#counters.udpDrops[reason]! += dropped
    if (reason === UdpDrop.Backlog) this.#backlogged(dropped)
    this.#clear()
  }

  #clear(): void {
    this.#count = 0
    this.#sent = 0
    this.#next = 0
    this.#retries = 0
  }
}
