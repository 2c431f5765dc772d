import { isIP } from 'node:net'
import { canonicalName } from '../corefile/domain-name.ts'
import { canonicalAddress, type Endpoint, parseServerAddress } from '../lib/address.ts'
import { type CommandSyntax, commandUsage, readCommandFlags, refused } from './command-flags.ts'
import { DNS_PORT } from './serve-options.ts'

/** What `dnslet doctor` runs with: frozen, validated. */
export interface DoctorOptions {
  readonly json: boolean
  /** The admin socket; '' to look for it. */
  readonly socket: string
  /** The addresses that dnslet is to serve, in the form of RFC 5952; empty to find them out. */
  readonly addresses: readonly string[]
  /** An upstream to ask besides those of the daemon; null for none. */
  readonly upstream: Endpoint | null
  /** The name to ask for, absolute; null for one that every cluster has. */
  readonly name: string | null
  /** Nothing is sent. */
  readonly quick: boolean
}

/** What it takes. */
const doctorSyntax: CommandSyntax = {
  name: 'doctor',
  synopsis: `Usage: dnslet doctor [flags]

Examines DNS on this node, or in this pod, and says what each finding means and what helps. Changes
nothing. Exit status: 0 all is well, 1 warnings, 2 something is broken.`,
  words: 0,
  flags: [
    { name: 'json', type: 'boolean', describe: 'print the report as JSON' },
    {
      name: 'socket',
      type: 'text',
      describe: 'admin socket of the daemon (default: it is looked for)',
    },
    {
      name: 'localip',
      type: 'text',
      describe: 'comma-separated addresses that dnslet is to serve (default: those it serves)',
    },
    { name: 'upstream', type: 'text', describe: 'an upstream to ask as well, ADDRESS[:PORT]' },
    {
      name: 'name',
      type: 'text',
      describe: 'name to ask for (default: kubernetes.default.svc of the cluster)',
    },
    { name: 'quick', type: 'boolean', describe: 'send no queries' },
  ],
}

/**
 * Reads `dnslet doctor [flags]`; a string is the usage text, which was asked for.
 * @throws UsageError, exit code 2
 */
export function doctorOptions(argv: readonly string[]): DoctorOptions | string {
  const given = readCommandFlags(doctorSyntax, argv)
  if (given === null) return commandUsage(doctorSyntax)
  const name = given.isSet('name') ? canonicalName(given.text('name')) : null
  if (given.isSet('name') && name === null) {
    throw refused(doctorSyntax, `"${given.text('name')}" is no domain name`)
  }
  return Object.freeze({
    json: given.isOn('json'),
    socket: given.text('socket'),
    addresses: Object.freeze(addressList(given.text('localip'))),
    upstream: given.isSet('upstream') ? endpoint(given.text('upstream')) : null,
    name,
    quick: given.isOn('quick'),
  })
}

function addressList(list: string): string[] {
  if (list.trim() === '') return []
  return list.split(',').map((word) => {
    const address = word.trim()
    if (isIP(address) === 0 || address.includes('%')) {
      throw refused(doctorSyntax, `"${address}" in -localip is no IP address`)
    }
    return canonicalAddress(address)
  })
}

function endpoint(text: string): Endpoint {
  const server = parseServerAddress(text, DNS_PORT)
  if (typeof server !== 'string') return server
  throw refused(doctorSyntax, `-upstream "${text}" is no ADDRESS[:PORT] with an IP address`)
}
