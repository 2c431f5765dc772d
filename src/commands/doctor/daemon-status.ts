import type { Status } from '../../admin/api.ts'
import type { Reading } from '../../host/readings/reading.ts'
import { reasonOf } from '../../lib/errors.ts'
import { printable } from '../../lib/printable.ts'
import { type AdminClient, findDaemon } from '../admin-client.ts'

/** Milliseconds for the daemon's word: a frozen one says nothing. */
const PATIENCE_MS = 1_500

/** The daemon that was asked. */
export interface AskedDaemon {
  readonly status: Reading<Status>
  readonly socket: string | null
  /** How many queries it has counted by now; null where it does not say. */
  readonly queries: () => Promise<number | null>
}

/** Asks the daemon how it is, through its admin socket. Never rejects. */
export async function askDaemon(socket: string, env: NodeJS.ProcessEnv): Promise<AskedDaemon> {
  try {
    const client = await findDaemon({ socket, env })
    const status = await statusOf(client)
    const queries = async (): Promise<number | null> => {
      try {
        return (await statusOf(client)).totals.queries
      } catch {
        return null
      }
    }
    return { status: { value: status }, socket: client.socket, queries }
  } catch (cause) {
    // The advice behind it is for who needs the daemon's answer.
    const why = printable(reasonOf(cause)).replace(/; run this where .*$/, '')
    return { status: { why }, socket: null, queries: () => Promise.resolve(null) }
  }
}

/** Its answer, where it has the form that this version knows. */
async function statusOf(client: AdminClient): Promise<Status> {
  const status = await client.get<Partial<Status> | null>('/v1/status', {}, PATIENCE_MS)
  const { interception, totals, blocks, listeners, version } = status ?? {}
  const isSound =
    typeof version === 'string' &&
    Array.isArray(interception?.addresses) &&
    typeof totals?.queries === 'number' &&
    Array.isArray(blocks) &&
    Array.isArray(listeners)
  if (!isSound) throw new Error(`${client.socket} does not answer as a dnslet of this version does`)
  return status as Status
}
