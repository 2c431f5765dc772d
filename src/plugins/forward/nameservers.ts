import { nodeFiles } from '../../corefile/files.ts'
import type { Endpoint } from '../../lib/address.ts'
import { reasonOf } from '../../lib/errors.ts'
import { parseResolvConf } from '../../lib/resolv-conf.ts'

const DNS_PORT = 53

/**
 * The `nameserver` lines of a resolv.conf, port 53. The zone of an address counts only where it is
 * link-local; lines that hold no address are left out, as resolvers do.
 */
export function parseNameservers(text: string): readonly Endpoint[] {
  return parseResolvConf(text).nameservers.map((host) => ({ host, port: DNS_PORT }))
}

/** The name servers of a file. Throws an Error that names it and says what helps. */
export function readNameservers(path: string): readonly Endpoint[] {
  const found = parseNameservers(readText(path))
  if (found.length === 0) {
    throw new Error(`no nameservers found in "${path}": add a line "nameserver ADDRESS" to it${OR}`)
  }
  return found
}

const OR = ', or write the addresses of the upstreams instead of the file'

function readText(path: string): string {
  try {
    return nodeFiles.read(path)
  } catch (error) {
    const message = `cannot read nameservers from "${path}": ${reasonOf(error)}`
    throw new Error(`${message}; make it readable${OR}`, { cause: error })
  }
}
