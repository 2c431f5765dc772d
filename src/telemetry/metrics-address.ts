import { beat, type Beat } from '../lib/beat.ts'
import { reasonOf } from '../lib/errors.ts'
import type { Http, HttpLease } from '../lib/http.ts'
import type { Log } from '../lib/log.ts'
import { HttpListenError } from './http.ts'
import { metricsRoute } from './metrics-route.ts'

/** Seconds between attempts. */
const RETRY = 10

/**
 * Metrics at an address. As in node-cache DNS does not depend on them. Where the address cannot be had that is said
 * once, and it is tried again: a node-cache that this process replaces has it until it ends.
 *
 *     open() ─▶ served ◀─ trying, each ten seconds      until release()
 */
export class MetricsAddress {
  readonly #http: Http
  readonly #address: string
  readonly #log: Log
  #lease: HttpLease | null = null
  #stopTrying: () => void = () => {}
  #trying = false
  #isOver = false

  constructor(http: Http, address: string, log: Log) {
    this.#http = http
    this.#address = address
    this.#log = log
  }

  /** Resolves after the first attempt. Never rejects. @param ticks a test has its own */
  async open(ticks: Beat = beat): Promise<void> {
    const problem = await this.#try()
    if (problem === null) return
    this.#log.error(`Failed to start metrics handler: ${reasonOf(problem)}`)
    const isHopeless = problem instanceof HttpListenError && problem.code === 'E_ADDRESS'
    if (isHopeless || this.#isOver) return
    this.#stopTrying = ticks.every(RETRY, () => void this.#tryAgain())
  }

  /** Lets go of the address, if it was had. */
  async release(): Promise<void> {
    this.#isOver = true
    this.#stopTrying()
    const lease = this.#lease
    this.#lease = null
    await lease?.release()
  }

  async #tryAgain(): Promise<void> {
    if (this.#trying || (await this.#try()) !== null) return
    this.#stopTrying()
    if (!this.#isOver) this.#log.info(`Metrics are served on ${this.#address} now`)
  }

  /** What is wrong, or null. */
  async #try(): Promise<unknown> {
    this.#trying = true
    try {
      const lease = await this.#http.acquire(this.#address, { '/metrics': metricsRoute })
      if (this.#isOver) await lease.release()
      else this.#lease = lease
      return null
    } catch (error) {
      return error
    } finally {
      this.#trying = false
    }
  }
}
