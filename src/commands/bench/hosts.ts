import { isIP } from 'node:net'
import { printable } from '../../lib/printable.ts'
import { MAX_NAME, textToName } from '../../wire/name.ts'
import { readBounded } from './read-file.ts'

/** More hosts than a node's pods will ever ask for at a time. */
export const MAX_HOSTS = 100_000
const MAX_FILE_SIZE = 32 * 2 ** 20

const scratch = Buffer.alloc(MAX_NAME + 1)

/**
 * The hosts of `-hosts`: one a line, what follows a `#` or white space behind it is a comment (a list of
 * dnsperf's has the type there). Throws an Error that names file and line.
 */
export function readHosts(file: string): string[] {
  const hosts = new Set<string>()
  for (const [i, line] of readBounded(file, MAX_FILE_SIZE).split('\n').entries()) {
    const [host = ''] = line.replace(/#.*/, '').trim().split(/\s+/)
    if (host === '') continue
    const problem = hostProblem(host)
    if (problem !== null) throw new Error(`${file}:${i + 1}: ${problem}`)
    hosts.add(host)
    if (hosts.size > MAX_HOSTS) throw new Error(`${file}:${i + 1}: more than ${MAX_HOSTS} hosts`)
  }
  if (hosts.size === 0) throw new Error(`${file}: no host in it`)
  return [...hosts]
}

/** Why a text is nothing to look up, or null. */
export function hostProblem(host: string): string | null {
  const shown = `"${printable(host.length > 80 ? `${host.slice(0, 80)}…` : host)}"`
  if (isIP(host) !== 0) return `${shown} is an address: there is nothing to look up`
  const isName = /^[!-~]+$/.test(host) && textToName(host, scratch, 0) >= 0
  return isName ? null : `${shown} is no domain name`
}
