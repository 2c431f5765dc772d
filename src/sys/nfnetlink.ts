import { constants } from 'node:os'
import type { Descriptors } from './descriptors.ts'
import type { Libc } from './libc.ts'
import { MSG_DONTWAIT } from './mmsg.ts'
import {
  attribute,
  nested,
  Nlm,
  netlinkMessage,
  NLMSG_ERROR,
  readAttributes,
  readMessages,
} from './netlink-message.ts'

/** Message types: the subsystem (nf_tables is 10) in the high byte. */
const BATCH_BEGIN = 16
const BATCH_END = 17
const SUBSYSTEM = 10
const NEW_ELEMENTS = (SUBSYSTEM << 8) | 12
const DELETE_ELEMENTS = (SUBSYSTEM << 8) | 14
const NEW_GENERATION = (SUBSYSTEM << 8) | 15
const GET_GENERATION = (SUBSYSTEM << 8) | 16

const INET = 1
const Attribute = { Table: 1, Set: 2, Elements: 3 } as const
const ListElement = 1
const ElementAttribute = { Key: 1, Timeout: 4 } as const
const DataValue = 1
const GenerationId = 1
/** sizeof(struct nfgenmsg), which every message begins with. */
const PREFIX_SIZE = 4
/** Of a message's flags. */
const FLAGS_AT = 6

/** An acknowledgement of one message; one that failed repeats the message. */
const REPLY_SIZE = 16_384
/** A batch is answered with at most an error for each message; beyond this something is wrong. */
const MAX_REPLIES = 64

const { EIO, ENOBUFS } = constants.errno

/** What a named set of an `inet` table is to hold. */
export interface SetContent {
  readonly set: string
  /** Keys in network order. None: the set is emptied. */
  readonly keys: readonly Uint8Array[]
  /** Milliseconds until the kernel drops the elements again. */
  readonly timeoutMs: number
}

/**
 * One nf_tables transaction that replaces the contents of sets. Emptying a set succeeds whatever it
 * holds, so an element that has expired meanwhile makes no difference; and because the kernel changes
 * generations at the end, no packet sees the set empty in between. The last message alone is acknowledged.
 */
export function replaceElements(table: string, contents: readonly SetContent[]): Buffer {
  const messages = contents.flatMap(({ set, keys, timeoutMs }) => {
    const names = [attribute(Attribute.Table, table), attribute(Attribute.Set, set)]
    const emptied = message(DELETE_ELEMENTS, Nlm.Request, INET, names)
    if (keys.length === 0) return [emptied]
    const elements = keys.map((key) => nested(ListElement, ...element(key, timeoutMs)))
    const list = nested(Attribute.Elements, ...elements)
    return [emptied, message(NEW_ELEMENTS, Nlm.Request | Nlm.Create, INET, [...names, list])]
  })
  // Each message that fails is told of in any case.
  const last = messages.at(-1)
  last?.writeUInt16LE(last.readUInt16LE(FLAGS_AT) | Nlm.Ack, FLAGS_AT)
  const batch = [
    message(BATCH_BEGIN, Nlm.Request, 0, [], SUBSYSTEM),
    ...messages,
    message(BATCH_END, Nlm.Request, 0, [], SUBSYSTEM),
  ]
  return Buffer.concat(batch)
}

function element(key: Uint8Array, timeoutMs: number): Buffer[] {
  const timeout = Buffer.alloc(8)
  timeout.writeBigUInt64BE(BigInt(timeoutMs))
  return [
    nested(ElementAttribute.Key, attribute(DataValue, key)),
    attribute(ElementAttribute.Timeout, timeout),
  ]
}

/** With a struct nfgenmsg: family 1 | version 1 | resource 2 (network order). */
function message(
  type: number,
  flags: number,
  family: number,
  attributes: readonly Buffer[],
  resource = 0,
): Buffer {
  const prefix = Buffer.alloc(PREFIX_SIZE)
  prefix.writeUInt8(family, 0)
  prefix.writeUInt16BE(resource, 2)
  return netlinkMessage(type, flags, 0, [prefix, ...attributes])
}

const getGeneration = message(GET_GENERATION, Nlm.Request, 0, [])

/**
 * A netlink socket to the packet filter. It stays open, so that a transaction costs one system call
 * and one for each acknowledgement, and no process.
 */
export class Nfnetlink {
  readonly #libc: Libc
  readonly #descriptors: Descriptors
  readonly #fd: number
  readonly #reply = Buffer.alloc(REPLY_SIZE)

  /** Throws SyscallError. The socket belongs to the network namespace it was opened in. */
  constructor(libc: Libc, descriptors: Descriptors) {
    this.#libc = libc
    this.#descriptors = descriptors
    this.#fd = descriptors.packetFilter()
  }

  /**
   * Runs a transaction of `replaceElements()`; one at a time. Resolves to 0, or to the kernel's
   * first error number: then nothing has changed.
   *
   * On another thread: the kernel works inside send(), and there it waits for transactions of others.
   * kube-proxy's, of 20,000 rules, held ours up for 170 ms.
   */
  async run(batch: Buffer): Promise<number> {
    const sent = await new Promise<number>((resolve) => {
      this.#libc.sendAsync(this.#fd, batch, batch.length, 0, (error, count) => {
        resolve(error === null ? count : -1)
      })
    })
    // Answers are there when send() returns. Without any it was not told why it failed.
    return this.#readErrors() || (sent < 0 ? EIO : 0)
  }

  /**
   * The generation of the packet rules of this network namespace: the kernel counts every transaction of
   * anybody that changed something, those of iptables-nft too. Null where it does not tell. Not while
   * `run()` is under way, whose answers it would take; waits for nobody's transactions.
   */
  generation(): number | null {
    const sent = this.#libc.send(this.#fd, getGeneration, getGeneration.length, MSG_DONTWAIT)
    if (sent < 0) return null
    const length = this.#libc.recv(this.#fd, this.#reply, REPLY_SIZE, MSG_DONTWAIT)
    if (length < 0) return null
    const reply = readMessages(this.#reply.subarray(0, length)).at(0)
    if (reply?.type !== NEW_GENERATION) return null
    const id = readAttributes(reply.payload.subarray(PREFIX_SIZE)).get(GenerationId)
    return id?.length === 4 ? id.readUInt32BE(0) : null
  }

  close(): void {
    this.#descriptors.close(this.#fd)
  }

  #readErrors(): number {
    let first = 0
    for (let i = 0; i < MAX_REPLIES; i++) {
      const length = this.#libc.recv(this.#fd, this.#reply, REPLY_SIZE, MSG_DONTWAIT)
      // EAGAIN: no more answers. ENOBUFS says that answers were lost, and is no answer itself.
      if (length < 0 && this.#libc.errno() === ENOBUFS) first ||= ENOBUFS
      else if (length < 0) break
      else first ||= errorIn(this.#reply.subarray(0, length))
    }
    return first
  }
}

/** The first error number among the messages of a datagram; acknowledgements are errors of 0. */
function errorIn(datagram: Buffer): number {
  for (const { type, payload } of readMessages(datagram)) {
    if (type !== NLMSG_ERROR || payload.length < 4) continue
    const error = -payload.readInt32LE(0)
    if (error !== 0) return error
  }
  return 0
}
