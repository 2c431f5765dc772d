import type { ResolverConfig } from './resolv-conf.ts'

/** A name that a resolver asks for, absolute, in presentation format. */
export interface Candidate {
  readonly name: string
  /** Whether it is the host as it was given, without a suffix. */
  readonly asIs: boolean
}

type Manner = (host: string, config: Pick<ResolverConfig, 'search' | 'ndots'>) => Candidate[]

/** The longest name that Go takes with a suffix. */
const MAX_GO_NAME = 254

/**
 * The names glibc 2.36 asks for, in order: the host first where it has `ndots` dots, then each suffix, and
 * the host last where it was not first (res_search). A final dot ends the search before it begins.
 */
export const glibcNames: Manner = (host, { search, ndots }) => {
  if (host.endsWith('.')) return [{ name: host, asIs: true }]
  const asIs = { name: `${host}.`, asIs: true }
  const suffixed = search.map((suffix) => withSuffix(host, suffix))
  if (dotsOf(host) >= ndots) return [asIs, ...suffixed]
  // A root in the list is the host as it is.
  return suffixed.some(({ name }) => name === asIs.name) ? suffixed : [...suffixed, asIs]
}

/** The names musl asks for: no suffix where the host has `ndots` dots, else each suffix and then the host. */
export const muslNames: Manner = (host, { search, ndots }) => {
  if (host.endsWith('.')) return [{ name: host, asIs: true }]
  const asIs = { name: `${host}.`, asIs: true }
  if (dotsOf(host) >= ndots) return [asIs]
  return [...search.map((suffix) => withSuffix(host, suffix)), asIs]
}

/** The names Go's resolver asks for (dnsConfig.nameList): glibc's, but none that is too long. */
export const goNames: Manner = (host, { search, ndots }) => {
  if (host.endsWith('.')) return [{ name: host, asIs: true }]
  // Onion names never leave the machine (RFC 7686).
  if (/\.onion$/i.test(host)) return []
  const asIs = { name: `${host}.`, asIs: true }
  const suffixed = search
    .map((suffix) => withSuffix(host, suffix))
    .filter(({ name }) => name.length <= MAX_GO_NAME)
  return dotsOf(host) >= ndots ? [asIs, ...suffixed] : [...suffixed, asIs]
}

function withSuffix(host: string, suffix: string): Candidate {
  const bare = suffix.replace(/^\.+|\.+$/g, '')
  return bare === '' ? { name: `${host}.`, asIs: false } : { name: `${host}.${bare}.`, asIs: false }
}

function dotsOf(host: string): number {
  return host.split('.').length - 1
}
