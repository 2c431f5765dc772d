import type { Endpoint } from '../../src/lib/address.ts'
import { type Asked, queriesFor, readReply } from '../../src/load/message.ts'
import type { SocketOwner, Sockets, UdpPort } from '../../src/load/sockets.ts'
import { HEADER_SIZE, readId } from '../../src/wire/header.ts'
import { echoesQuestion } from '../../src/wire/question.ts'
import { fault } from './check.ts'
import type { Step } from './mix.ts'

/** Who waits for the answers of a step. */
export interface StepOwner {
  /** An answer, or what came in its place. @param what is wrong with it, '' for nothing */
  ended(exchange: Exchange, type: number, what: string): void
  /** All questions of the step have ended. */
  over(exchange: Exchange): void
}

/** The questions of one step, sent at once from a socket of their own, as glibc does for A and AAAA. */
export class Exchange implements SocketOwner {
  readonly step: Step
  /** Time of `performance.now()`. */
  readonly sentAt: number = performance.now()
  readonly #owner: StepOwner
  readonly #asked: readonly Asked[]
  readonly #open: boolean[]
  readonly #port: UdpPort

  /** @param from the client's own address */
  constructor(sockets: Sockets, server: Endpoint, from: string, step: Step, owner: StepOwner) {
    this.step = step
    this.#owner = owner
    this.#asked = queriesFor(step.name, step.types) ?? []
    this.#open = this.#asked.map(() => true)
    this.#port = sockets.connect(server, this, from)
    const queries = this.#asked.map(({ query }) => query)
    this.#port.send(queries, null)
  }

  message(bytes: Buffer, length: number): void {
    const at = this.#asked.findIndex((one, i) => {
      return this.#open[i] === true && isReplyTo(bytes, length, one)
    })
    const asked = this.#asked[at]
    // A second answer to the same question, or none of ours.
    if (asked === undefined) return
    this.#open[at] = false
    this.#owner.ended(this, asked.type, fault(bytes, length, this.step.name, asked))
    if (!this.#open.includes(true)) this.#end()
  }

  failed(code: string): void {
    this.giveUp(code)
  }

  /** Ends what is still open. */
  giveUp(what: string): void {
    this.#asked.forEach(({ type }, i) => {
      if (this.#open[i] === true) this.#owner.ended(this, type, what)
    })
    this.#open.fill(false)
    this.#end()
  }

  #end(): void {
    this.#port.close()
    this.#owner.over(this)
  }
}

function isReplyTo(bytes: Buffer, length: number, asked: Asked): boolean {
  const { id, query, question } = asked
  if (length < HEADER_SIZE || readId(bytes) !== id) return false
  // An error may come without the question.
  return echoesQuestion(bytes, length, query, question) || readReply(bytes, length, asked) !== null
}
