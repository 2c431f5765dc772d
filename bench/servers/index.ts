import { dnsdist } from './dnsdist.ts'
import { dnslet, dnsletDgram } from './dnslet.ts'
import { unbound } from './unbound.ts'
import type { Place, Server } from './server.ts'

/** The servers that need no `--peer`, in the order of the tables. */
export const builtins: Readonly<Record<string, (place: Place) => Server>> = {
  dnslet,
  'dnslet-dgram': dnsletDgram,
  unbound,
  dnsdist,
}
