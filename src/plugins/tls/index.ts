import { randomBytes } from 'node:crypto'
import { closeSync, openSync, writeSync } from 'node:fs'

import { inPlugin } from '../../corefile/directive.ts'
import { reasonOf } from '../../lib/errors.ts'
import type { Plugin, Stage } from '../../serve/plugin.ts'
import { Certificate, TICKET_KEYS } from './certificate.ts'
import { readConfig } from './config.ts'
import { metrics } from './metrics.ts'
import { readMaterial } from './material.ts'
import { Renewal } from './renewal.ts'

/** `tls`: the certificate of a block's `tls://` zones, read again when its files change. */
export const tls: Plugin = {
  name: 'tls',
  changesAnswers: false,
  metrics,
  setup(directives, { services }): Stage {
    const config = readConfig(directives)
    const [directive] = directives
    const material = inPlugin(directive!.name, () => readMaterial(config))
    const ticketKeys = services.keep('tls ticket keys', newTicketKeys)
    const certificate = new Certificate(material, config, ticketKeys)
    const log = services.log.plugin('tls')
    const renewal = new Renewal(config, certificate, log)
    let keylog = -1
    return {
      certificate,
      start() {
        if (config.keylog !== null) {
          keylog = openKeylog(config.keylog)
          log.warning(`Writing TLS Key Log to "${config.keylog}"`)
          certificate.keylog = (line) => writeLine(keylog, line)
        }
        renewal.start()
        return Promise.resolve()
      },
      stop() {
        renewal.stop()
        certificate.keylog = null
        if (keylog >= 0) closeSync(keylog)
        keylog = -1
        return Promise.resolve()
      },
      describe: () => [
        `certificate ${config.cert}, key ${config.key}`,
        `client certificates: ${config.clientAuth}, authorities ${config.ca ?? 'of the system'}`,
        ...(config.keylog === null ? [] : [`secrets are written to ${config.keylog}`]),
      ],
    }
  },
}

/** Without a reference to any configuration, for it outlives them. */
function newTicketKeys(): Buffer {
  return randomBytes(TICKET_KEYS)
}

function openKeylog(path: string): number {
  try {
    return openSync(path, 'a', 0o600)
  } catch (cause) {
    const reason = `unable to write TLS Key Log to "${path}": ${reasonOf(cause)}`
    throw new Error(`plugin/tls: ${reason}`, { cause })
  }
}

function writeLine(fd: number, line: Buffer): void {
  try {
    writeSync(fd, line)
  } catch {
    // A full disk ends no connection.
  }
}
