import { randomInt } from 'node:crypto'
import type { Query } from '../serve/query.ts'
import { askOnce, isAbsent, reachable } from '../upstream/ask-once.ts'
import { Rcode } from '../wire/codes.ts'
import { joinHostPort } from './identity.ts'

/** A listener that has not answered by then serves nobody. */
const PATIENCE_MS = 1000

/**
 * A query that the server answers by itself, with NOTIMP and without any plugin or upstream: opcode
 * STATUS, no question. It proves sockets, event loop and dispatch alive, and nothing else. Its id is
 * the process's own, so that metrics can leave it out.
 */
const probe = Buffer.from('000010000000000000000000', 'hex')
probe.writeUInt16BE(randomInt(0x10000), 0)

/** Whether a query that no block took is the daemon's own, which no client has sent. */
export function isSelfCheck(q: Query): boolean {
  return q.length === probe.length && probe.equals(q.wire.subarray(0, probe.length))
}

export interface ListeningAddress {
  /** '' is every local address. */
  readonly host: string
  readonly port: number
}

/**
 * Asks every listener over UDP and TCP, as a client would. Resolves to null, or to what is wrong:
 * `dns://127.0.0.1:53 does not answer over UDP`. Never rejects.
 *
 * @param mayBeAbsent whether listeners may be bound to addresses that this machine does not have at
 *   the moment. Nobody can ask those, and they are not asked
 */
export async function checkListeners(
  listeners: readonly ListeningAddress[],
  mayBeAbsent = false,
): Promise<string | null> {
  if (listeners.length === 0) return 'no listener is open'
  const problems = await Promise.all(
    listeners.flatMap((at) => [
      problemOf(at, 'udp', mayBeAbsent),
      problemOf(at, 'tcp', mayBeAbsent),
    ]),
  )
  return problems.find((problem) => problem !== null) ?? null
}

async function problemOf(
  { host, port }: ListeningAddress,
  protocol: 'udp' | 'tcp',
  mayBeAbsent: boolean,
): Promise<string | null> {
  const name = `dns://${joinHostPort(host, port)}`
  try {
    const reply = await askOnce({ protocol, host: reachable(host), port }, probe, PATIENCE_MS)
    if ((reply[3]! & 0x0f) === Rcode.NotImp) return null
  } catch (error) {
    if (isAbsent(error)) return mayBeAbsent ? null : `${name}: no interface has this address now`
  }
  return `${name} does not answer over ${protocol.toUpperCase()}`
}
