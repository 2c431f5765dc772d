import { constants } from 'node:os'

import { clientOf } from '../lib/client-share.ts'
import { type Poller, Ready, type Watcher } from '../sys/epoll.ts'
import type { Libc } from '../sys/libc.ts'
import { MSG_DONTWAIT, MSG_NOSIGNAL } from '../sys/mmsg.ts'
import { AF_INET, scopedAddress, sockaddrSize } from '../sys/sockaddr.ts'
import type { ClientStream, StreamOwner } from './client-stream.ts'

const { EAGAIN, EINTR } = constants.errno
const SHUT_WR = 1
/** Octets of one read: what a client pipelines beyond has the next turn. */
const READ_SIZE = 65_536
const INPUT = Ready.In | Ready.ReadHangUp

const SOCKADDR_SIZE = sockaddrSize(true)

const noBytes: Buffer = Buffer.alloc(0)

/** Where every stream reads into: what is read is used up before the next read. */
interface Input {
  readonly address: number
  readonly bytes: Buffer
}

const inputs = new WeakMap<Libc, Input>()

function inputOf(libc: Libc): Input {
  let input = inputs.get(libc)
  if (input === undefined) {
    const { address, bytes } = libc.allocate(READ_SIZE)
    inputs.set(libc, (input = { address, bytes: Buffer.from(bytes) }))
  }
  return input
}

/** Where a stream was accepted. */
export interface Local {
  readonly address: string
  readonly port: number
}

/**
 * An accepted connection without Node's streams, of which each costs some 200 µs: 20 objects, a dozen closures, as
 * many events and promises, 13 system calls. Here those are accept, epoll_ctl, recv, send, recv and close.
 *
 *     start ─▶ recv … ─▶ ended ─▶ end ─▶ closed          the client's FIN comes first: close() sends ours
 *                    └─▶ end ─▶ recv … FIN ─▶ closed     ours comes first: shutdown()
 *         any error, destroy ─▶ closed
 */
export class RawStream implements ClientStream, Watcher {
  remoteAddress = ''
  client = ''
  readonly sockaddr: Buffer = Buffer.alloc(SOCKADDR_SIZE)
  localAddress = ''
  localPort = 0
  readonly readsOn = false
  readonly #libc: Libc
  readonly #poller: Poller
  readonly #input: Input
  owner: StreamOwner | null = null
  /** −1 once it is closed. */
  #fd = -1
  /** The events that the kernel is asked for. */
  #wishes: number = INPUT
  #paused = false
  /** Whether the client has sent its FIN, and we ours. */
  #hasEnded = false
  #isEnding = false
  /** What the kernel has not taken. */
  #bytes: Buffer = noBytes
  #at = 0
  #end = 0

  constructor(libc: Libc, poller: Poller) {
    this.#libc = libc
    this.#poller = poller
    this.#input = inputOf(libc)
  }

  /**
   * Becomes the stream of an accepted socket, the first one or another after it was closed, and waits for what the
   * client sends. The client's address stands in `sockaddr` already. False where the system has no room for it: then
   * it is closed.
   *
   * @param fd not blocking; it belongs to the stream
   */
  open(fd: number, local: Local): boolean {
    if (!this.#poller.watch(fd, INPUT, this)) {
      this.#libc.close(fd)
      return false
    }
    this.#fd = fd
    this.#wishes = INPUT
    this.#paused = this.#hasEnded = this.#isEnding = false
    this.remoteAddress = addressOf(this.sockaddr)
    // Of IPv4 it is the address.
    const isLong = this.sockaddr[0] !== AF_INET
    this.client = isLong ? clientOf(this.remoteAddress) : this.remoteAddress
    this.localAddress = local.address
    this.localPort = local.port
    return true
  }

  start(owner: StreamOwner): void {
    this.owner = owner
  }

  ready(events: number): void {
    if ((events & Ready.Error) !== 0) return this.#fail()
    if ((events & Ready.Out) !== 0) this.#writeOn()
    if (this.#fd < 0) return
    if (!this.#paused && !this.#hasEnded) this.#read((events & Ready.ReadHangUp) !== 0)
    // Reset while it is not read from.
    else if ((events & Ready.HangUp) !== 0) this.#fail()
  }

  /** @param toEnd whether there is an end to be read behind what has come */
  #read(toEnd: boolean): void {
    const { address, bytes } = this.#input
    const count = this.#libc.recvTo(this.#fd, address, READ_SIZE, MSG_DONTWAIT)
    if (count < 0) {
      if (!isTemporary(this.#libc.errno())) this.#fail()
    } else if (count === 0) this.#ended()
    else {
      this.owner?.received(bytes, count)
      if (toEnd && count < READ_SIZE && this.#fd >= 0 && !this.#paused) this.#read(false)
    }
  }

  #ended(): void {
    this.#hasEnded = true
    if (this.#isEnding) return this.destroy()
    this.owner?.ended()
    this.#wish()
  }

  write(bytes: Buffer, length: number): number {
    const taken = this.#send(bytes, length)
    if (this.#fd < 0 || taken === length) return taken
    this.#bytes = bytes
    this.#at = taken
    this.#end = length
    this.#wish()
    return taken
  }

  /** Octets that the kernel took; the stream is closed where it takes none any more. */
  #send(bytes: Buffer, length: number): number {
    const sent = this.#libc.send(this.#fd, bytes, length, MSG_DONTWAIT | MSG_NOSIGNAL)
    if (sent >= 0) return sent
    if (!isTemporary(this.#libc.errno())) this.#fail()
    return 0
  }

  #writeOn(): void {
    const taken = this.#send(this.#bytes.subarray(this.#at, this.#end), this.#end - this.#at)
    if (this.#fd < 0) return
    this.#at += taken
    if (this.#at === this.#end) {
      this.#bytes = noBytes
      this.#at = this.#end = 0
    }
    this.#wish()
    if (taken > 0) this.owner?.wrote(taken)
  }

  pause(): void {
    this.#paused = true
    this.#wish()
  }

  resume(): void {
    this.#paused = false
    this.#wish()
  }

  /** Asks the kernel for what is needed now, where that is something else than before. */
  #wish(): void {
    if (this.#fd < 0) return
    const input = this.#paused || this.#hasEnded ? 0 : INPUT
    const wishes = input | (this.#end > 0 ? Ready.Out : 0)
    if (wishes === this.#wishes) return
    this.#wishes = wishes
    this.#poller.change(this.#fd, wishes)
  }

  end(): void {
    if (this.#hasEnded) return this.destroy()
    this.#isEnding = true
    if (this.#libc.shutdown(this.#fd, SHUT_WR) < 0) return this.#fail()
    // The client's FIN is behind what it may still send.
    this.resume()
  }

  #fail(): void {
    if (this.#fd < 0) return
    this.owner?.failed()
    this.destroy()
  }

  destroy(): void {
    if (this.#fd < 0) return
    this.#poller.forget(this.#fd, true)
    this.#libc.close(this.#fd)
    this.#fd = -1
    this.#bytes = noBytes
    this.#at = this.#end = 0
    this.owner?.closed()
  }
}

function isTemporary(errno: number): boolean {
  return errno === EAGAIN || errno === EINTR
}

/** Texts of addresses, by their last bits: the same pods connect again and again. */
const KEPT = 512
const keptTexts: string[] = Array.from({ length: KEPT }, () => '0.0.0.0')
const keptAddresses = new Uint32Array(KEPT)

function addressOf(name: Buffer): string {
  if (name[0] !== AF_INET) return scopedAddress(name)
  const octets = name.readUInt32BE(4)
  const place = (octets ^ (octets >>> 9)) & (KEPT - 1)
  if (keptAddresses[place] === octets) return keptTexts[place]!
  keptAddresses[place] = octets
  return (keptTexts[place] = `${name[4]}.${name[5]}.${name[6]}.${name[7]}`)
}
