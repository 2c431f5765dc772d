import { reasonOf } from '../../lib/errors.ts'
import type { Log } from '../../lib/log.ts'
import type { Certificate } from './certificate.ts'
import type { TlsConfig } from './config.ts'
import { renewals } from './metrics.ts'
import { readMaterial, stampOf } from './material.ts'

/** Milliseconds between looks at the files: certificates are renewed days before they end. */
const LOOK_MS = 10_000

/** Follows the files of a certificate. What cannot be used is said once, and the last good one goes on. */
export class Renewal {
  readonly #config: TlsConfig
  readonly #certificate: Pick<Certificate, 'renew'>
  readonly #log: Log
  #stamp: string
  #timer: NodeJS.Timeout | null = null

  /** @param config of which `certificate` has the files as they are now */
  constructor(config: TlsConfig, certificate: Pick<Certificate, 'renew'>, log: Log) {
    this.#config = config
    this.#certificate = certificate
    this.#log = log
    this.#stamp = stampOf(config)
  }

  start(): void {
    this.#timer = setInterval(() => this.look(), LOOK_MS).unref()
  }

  stop(): void {
    if (this.#timer !== null) clearInterval(this.#timer)
    this.#timer = null
  }

  /** Reads the files where they are others than at the last look. Never throws. */
  look(): void {
    const { cert } = this.#config
    try {
      const stamp = stampOf(this.#config)
      if (stamp === this.#stamp) return
      this.#stamp = stamp
      this.#certificate.renew(readMaterial(this.#config))
      renewals.good++
      this.#log.info(`new certificate from ${cert}`)
    } catch (error) {
      renewals.failed++
      this.#log.warning(`${reasonOf(error)}; the certificate read from ${cert} before goes on`)
    }
  }
}
