import { isIP } from 'node:net'
import { type Endpoint, isPort, joinHostPort, splitHostPort } from '../lib/address.ts'

const DNS_PORT = 53

/**
 * A server as `--server` names it: `10.96.0.10`, `10.96.0.10:5353`, `fd00::a`, `[fd00::a]:53`. A string is
 * what is wrong. Names are none: whom they lead to would be for another server to say.
 */
export function parseServer(text: string): Endpoint | string {
  const bare = /^\[(.*)\]$/.exec(text)?.[1] ?? text
  if (isIP(bare) !== 0) return { host: bare, port: DNS_PORT }
  const parts = splitHostPort(text)
  if (typeof parts === 'string' || isIP(parts.host) === 0) return `"${text}" is no IP address`
  const port = isPort(parts.port) ? Number(parts.port) : 0
  return port === 0 ? `"${text}" has no port from 1 to 65535` : { host: parts.host, port }
}

/** `10.96.0.10:53, [fd00::a]:53`. */
export function serverNames(servers: readonly Endpoint[]): string {
  return servers.map(({ host, port }) => joinHostPort(host, port)).join(', ')
}
