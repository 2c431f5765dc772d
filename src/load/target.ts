import { type Endpoint, joinHostPort, parseServerAddress } from '../lib/address.ts'
import { DNS_PORT } from './resolv-conf.ts'

/** A server as `--server` names it: ADDRESS[:PORT]. A string is what is wrong. */
export function parseServer(text: string): Endpoint | string {
  return parseServerAddress(text, DNS_PORT)
}

/** `10.96.0.10:53, [fd00::a]:53`. */
export function serverNames(servers: readonly Endpoint[]): string {
  return servers.map(({ host, port }) => joinHostPort(host, port)).join(', ')
}
