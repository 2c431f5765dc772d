import { setTimeout as delay } from 'node:timers/promises'
import { joinHostPort } from '../../lib/address.ts'
import { DnsletError } from '../../lib/errors.ts'
import type { UntaintOptions } from '../../options/untaint-options.ts'
import { askAddress } from './ask-address.ts'
import { KubernetesApi } from './kubernetes-api.ts'
import { removeTaint } from './remove-taint.ts'

/** The world as `dnslet untaint` sees it. */
export interface UntaintParts {
  /** NODE_NAME, and what leads to the API server. */
  readonly env: NodeJS.ProcessEnv
  readonly say: (line: string) => void
  /** Where token and CA are, if not in the usual place. */
  readonly mount?: string
  /** Waits between two attempts. */
  readonly pause?: (ms: number) => Promise<unknown>
}

const FIRST_PAUSE_MS = 250
const LAST_PAUSE_MS = 5_000

/**
 * `dnslet untaint`: waits until every address knows the name, over UDP and over TCP, then takes the
 * taint off this node. What may pass is tried again for ever, with pauses of 250 ms to 5 s; what is the
 * matter is said once, until it is something else.
 *
 * @throws DnsletError where a person has to do something (no NODE_NAME, no token, no permission)
 */
export async function untaint(options: UntaintOptions, parts: UntaintParts): Promise<void> {
  const { env, say, mount, pause = delay } = parts
  const node = env['NODE_NAME'] ?? ''
  if (node === '') {
    throw new DnsletError(
      'E_NODE_NAME',
      'Cannot untaint: NODE_NAME is not set; take it from spec.nodeName (fieldRef)',
    )
  }
  const api = new KubernetesApi(env, mount)
  await retry(() => firstProblem(options), say, pause)
  say(`${options.name} is answered by ${options.addresses.join(' and ')}`)
  const remove = async (): Promise<string | null> => {
    const outcome = await removeTaint(api, node, options.taint)
    if (outcome === 'conflict') return `Node ${node} has just been changed: once more`
    say(
      outcome === 'removed'
        ? `Taint ${options.taint} removed from node ${node}`
        : `Node ${node} has no taint ${options.taint}`,
    )
    return null
  }
  await retry(() => remove().catch(transientProblem), say, pause)
}

/** Repeats `attempt` until it has no problem any more. */
async function retry(
  attempt: () => Promise<string | null>,
  say: (line: string) => void,
  pause: (ms: number) => Promise<unknown>,
): Promise<void> {
  let said: string | null = null
  for (let ms = FIRST_PAUSE_MS; ; ms = Math.min(2 * ms, LAST_PAUSE_MS)) {
    const problem = await attempt()
    if (problem === null) return
    if (problem !== said) say(problem)
    said = problem
    await pause(ms)
  }
}

async function firstProblem({ addresses, port, name }: UntaintOptions): Promise<string | null> {
  const asked = addresses.flatMap((host) =>
    (['udp', 'tcp'] as const).map(async (protocol) => {
      const problem = await askAddress({ protocol, host, port }, name)
      if (problem === null) return null
      return `Waiting for ${joinHostPort(host, port)} over ${protocol.toUpperCase()}: ${problem}`
    }),
  )
  return (await Promise.all(asked)).find((problem) => problem !== null) ?? null
}

/** The API server may be starting too. */
function transientProblem(error: unknown): string {
  if (error instanceof DnsletError && error.code === 'E_API') return error.message
  throw error
}
