import type { Run } from '../../../load/result.ts'

/** How names are looked up, as far as conntrack's race is concerned. */
export type Way = 'at-once' | 'reopen' | 'serial' | 'tcp' | 'apart' | 'raw'

const WAYS: Readonly<Record<string, Way>> = {
  glibc: 'at-once',
  musl: 'at-once',
  system: 'at-once',
  reopen: 'reopen',
  serial: 'serial',
  tcp: 'tcp',
  go: 'apart',
  raw: 'raw',
}

/** The way of a run's client; of one that is not known here, none. */
export function wayOf(run: Run): Way | null {
  return WAYS[run.client] ?? null
}

/** What each `--client` does, for those who read the report without the manual. */
export const MANNERS: Readonly<Record<string, string>> = {
  glibc:
    'what most programs do: A and AAAA at once from one socket, 5 s for an answer, two attempts, search list and ndots',
  musl: 'what programs on Alpine do: A and AAAA at once from one socket to every server, again after 2.5 s, 5 s in all',
  reopen: 'glibc with single-request-reopen: A first, then AAAA from a new socket',
  serial: 'glibc with single-request: A first, then AAAA from the same socket',
  tcp: 'glibc with use-vc: the same over TCP',
  go: "Go's own resolver: A and AAAA at once, each from a socket of its own",
  system: 'getaddrinfo() of this machine, with its own configuration',
  raw: 'single queries as fast as answers come, without any retry',
}

/**
 * Whether every server of a run has a link-local address, as node-local caches have (169.254.20.10). One may answer at
 * other addresses too, which nobody can tell from outside.
 */
export function isNodeLocal(run: Run): boolean {
  return run.server
    .split(',')
    .every((server) => /^\s*\[?(?:169\.254\.|fe[89ab][0-9a-f]:)/i.test(server))
}
