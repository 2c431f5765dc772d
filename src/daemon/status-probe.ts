import { randomInt } from 'node:crypto'
import { joinHostPort, type Endpoint } from '../lib/address.ts'
import type { Query } from '../serve/query.ts'
import { libc } from '../sys/libc.ts'
import { askSelf } from '../upstream/ask-self.ts'
import { ask, type Destination, isAbsent, reachable } from '../upstream/ask.ts'
import { Rcode } from '../wire/codes.ts'

/** A listener that has not answered by then serves nobody. */
const PATIENCE = { timeoutMs: 1000 } as const

/**
 * A query that the server answers by itself, with NOTIMP and without any plugin or upstream: opcode
 * STATUS, no question. It proves sockets, event loop and dispatch alive, and nothing else.
 */
const probe = Buffer.from('000010000000000000000000', 'hex')
/** Each probe has an id of its own. Those under way, and whether they have come in. */
const underWay = new Map<number, boolean>()
let lastId = randomInt(0x10000)

/** Whether a query that no block took is the daemon's own, which no client has sent. Notes that it came. */
export function isStatusProbe({ wire, length }: Pick<Query, 'wire' | 'length'>): boolean {
  if (length !== probe.length || !probe.subarray(2).equals(wire.subarray(2, length))) return false
  const id = wire.readUInt16BE(0)
  if (!underWay.has(id)) return false
  underWay.set(id, true)
  return true
}

/** Whether somebody answers such a query over UDP at an address that is local now. Never rejects. */
export async function answersStatus(host: string, port: number): Promise<boolean> {
  // Bound to every address: nobody who serves these ones in particular.
  if (host === '0.0.0.0' || host === '::') return false
  try {
    await ask({ protocol: 'udp', host, port }, probe, PATIENCE)
    return true
  } catch {
    return false
  }
}

/** Who may answer at our addresses: we alone, a dnslet or node-cache that serves them too, or anybody. */
export type Answering = 'us' | 'neighbour' | 'anybody'

/** Who else serves our addresses. */
export interface OtherServers {
  /** Who may rightly answer there now. */
  mayAnswer(): Answering
  /** Looks at once: whether others have sockets of their own there. Never rejects. */
  look(): Promise<boolean>
}

/** A listener, and whether it is asked over TCP as well. */
export type Checked = Endpoint & { readonly overTcp?: boolean }

/**
 * Asks every listener over UDP and, unless it says otherwise, TCP, as a client would. Resolves to null, or to what is wrong:
 * `dns://127.0.0.1:53 does not answer over UDP`. Never rejects.
 *
 * @param intercepting whether the addresses come and go with the interception of somebody else's.
 *   One that is not local can be asked by nobody, and is not asked. One that is may lead to its
 *   owner, whose answer proves nothing about us: it counts as none
 * @param from who may answer besides `us`: a `neighbour` that has our sockets too or its own beside them,
 *   or `anybody`, where queries for the addresses need not be led here. A probe that never came in proves nothing then
 */
export async function checkListeners(
  listeners: readonly Checked[],
  intercepting = false,
  from: Answering = 'us',
): Promise<string | null> {
  if (listeners.length === 0) return 'no listener is open'
  const problems = await Promise.all(
    listeners.flatMap((at) => [
      problemOf(at, 'udp', intercepting, from),
      ...(at.overTcp === false ? [] : [problemOf(at, 'tcp', intercepting, from)]),
    ]),
  )
  return problems.find((problem) => problem !== null) ?? null
}

function askAt(to: Destination, query: Buffer): Promise<Buffer> {
  const { libc: system } = libc()
  return system === null ? ask(to, query, PATIENCE) : askSelf(system, to, query)
}

async function problemOf(
  { host, port }: Endpoint,
  protocol: 'udp' | 'tcp',
  intercepting: boolean,
  from: Answering,
): Promise<string | null> {
  const name = `dns://${joinHostPort(host, port)}`
  const transport = protocol.toUpperCase()
  lastId = (lastId + 1) & 0xffff
  const id = lastId
  const query = Buffer.from(probe)
  query.writeUInt16BE(id, 0)
  underWay.set(id, false)
  let came = false
  try {
    const reply = await askAt({ protocol, host: reachable(host), port }, query)
    if (intercepting && from === 'us' && underWay.get(id) === false) {
      return `${name} is answered by another process over ${transport}`
    }
    if ((reply[3]! & 0x0f) === Rcode.NotImp) return null
  } catch (error) {
    if (isAbsent(error)) return intercepting ? null : `${name}: no interface has this address now`
  } finally {
    came = underWay.get(id) === true
    underWay.delete(id)
  }
  if (intercepting && from === 'anybody' && !came) return null
  return `${name} does not answer over ${transport}`
}
