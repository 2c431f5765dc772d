import { setTimeout as delay } from 'node:timers/promises'
import { removeLink, removeRules, removeState } from '../host/cleanup.ts'
import { portOwners } from '../host/port-owner.ts'
import { findNeighbours, type Presence } from '../host/presence.ts'
import { hostPrograms } from '../host/programs.ts'
import { lockFileEnvironment } from '../host/rules/iptables-backend.ts'
import { stateRoot } from '../host/state-directory.ts'
import { DnsletError } from '../lib/errors.ts'
import { complaintsTo } from '../lib/log.ts'
import { library, scopedName } from '../node/prepare-node.ts'
import type { CleanupOptions } from '../options/cleanup-options.ts'

/** The world as `dnslet cleanup` sees it. */
export interface CleanupParts {
  readonly env: NodeJS.ProcessEnv
  readonly say: (line: string) => void
  /** Waits between two looks at who is still there. */
  readonly pause?: (ms: number) => Promise<unknown>
}

/** Looks, a second apart: pods that were deleted take their time to end. */
const LOOKS = 60
const LOOK_MS = 1_000

/**
 * `dnslet cleanup`: waits until nobody serves the addresses any more, then removes what dnslet or node-cache
 * have left on this node: packet rules, links, addresses, state. What another dnslet of other addresses
 * needs stays. Doing it twice does no harm.
 *
 * @throws DnsletError E_IN_USE where somebody still serves after a minute
 */
export async function cleanup(options: CleanupOptions, parts: CleanupParts): Promise<void> {
  const { env, say, pause = delay } = parts
  const others = await untilNobodyServes(options, say, pause)
  const directory = stateRoot(env)
  const alive = new Set(others.map(({ scope }) => scope))
  const programs = hostPrograms(await lockFileEnvironment('/tmp'))
  const removed = await removeRules(programs, alive, complaintsTo(say))
  const scopes = removed.flatMap((line) => /^table inet dnslet(-.*)$/.exec(line)?.[1] ?? [])
  const used = new Set(others.map(({ interfaceName }) => interfaceName))
  const names = ['', ...scopes].map((scope) => scopedName(options.interfaceName, scope))
  for (const name of names.filter((one) => !used.has(one))) {
    removed.push(...removeLink(library(), name, options.addresses))
  }
  if (directory !== '' && alive.size === 0) removed.push(...removeState(directory))
  for (const what of removed) say(`Removed ${what}`)
  const except = alive.size > 0 ? ', but for those of a dnslet that serves other addresses' : ''
  say(`There are no leftovers of dnslet or node-cache on this node${except}`)
}

/** Resolves to those that serve other addresses, and may go on. */
async function untilNobodyServes(
  { addresses, port }: CleanupOptions,
  say: CleanupParts['say'],
  pause: NonNullable<CleanupParts['pause']>,
): Promise<readonly Presence[]> {
  for (let look = 1; ; look++) {
    const { alive, silent } = await findNeighbours()
    const serving = alive.filter(
      (one) => addresses.length === 0 || one.addresses.some((at) => addresses.includes(at)),
    )
    const [owner] = portOwners(addresses, port)
    const problem = problemOf(serving, silent, owner)
    if (problem === null) return alive
    if (look === 1) say(`Waiting for its end: ${problem}`)
    if (look === LOOKS) {
      const remedy = 'delete its DaemonSet first'
      throw new DnsletError('E_IN_USE', `Cannot clean up: ${problem}; ${remedy}`)
    }
    await pause(LOOK_MS)
  }
}

function problemOf(
  serving: readonly Presence[],
  silent: number,
  owner: ReturnType<typeof portOwners>[number] | undefined,
): string | null {
  if (serving.length > 0) {
    return `a dnslet serves ${serving.flatMap(({ addresses }) => addresses).join(', ')}`
  }
  if (silent > 0) return 'there is a dnslet that does not answer'
  if (owner === undefined) return null
  const who = owner.pid === null ? 'another program' : `process ${owner.pid} (${owner.command})`
  return `${who} listens on ${owner.address}`
}
