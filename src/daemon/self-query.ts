import { joinHostPort } from '../lib/address.ts'
import { lookUp } from '../lib/look-up.ts'
import type { Listeners } from '../net/listeners.ts'
import type { Listener } from '../net/open-listener.ts'
import { ask, type Destination } from '../upstream/ask.ts'
import { random16 } from '../upstream/random.ts'
import { Rcode, Type, Flag } from '../wire/codes.ts'
import { HEADER_SIZE } from '../wire/header.ts'
import { makeQuery } from '../wire/query.ts'
import { TYPE_AND_CLASS } from '../wire/question.ts'

/** A query that goes upstream is answered within 4.4 s, if only with SERVFAIL. */
const PATIENCE_MS = 5000

/** Answers that clients are not helped with: CoreDNS and we send them where no upstream is available. */
const USELESS: ReadonlyMap<number, string> = new Map([
  [Rcode.ServFail, 'SERVFAIL'],
  [Rcode.Refused, 'REFUSED'],
])

/**
 * Asks what stands behind a listener for the address of `name`, over real sockets, UDP and TCP:
 * those of a private listener on the loopback address, open for this question alone. The listener's
 * own address may not be local yet, and then a question to it would leave the machine. Resolves to
 * null, or to what is wrong; any answer but SERVFAIL and REFUSED will do. Never rejects.
 *
 * @param name absolute, in presentation format
 * @param mayRefuse true where REFUSED will do as well: no block takes a query of ours
 */
export async function selfQuery(
  listeners: Pick<Listeners, 'open'>,
  of: Pick<Listener, 'host' | 'port' | 'dispatch'>,
  name: string,
  mayRefuse = false,
): Promise<string | null> {
  const subject = `dns://${joinHostPort(of.host, of.port)}`
  try {
    return await withPrivateListener(listeners, of, name, async (host, port) => {
      for (const protocol of ['udp', 'tcp'] as const) {
        const problem = await problemOf({ protocol, host, port }, name, mayRefuse)
        if (problem !== null) return `${subject} ${problem} over ${protocol.toUpperCase()}`
      }
      return null
    })
  } catch (error) {
    return (error as Error).message
  }
}

/**
 * Addresses of `name`, of both families, as what stands behind a listener knows them; none where it
 * knows none, or does not answer. Asked as in `selfQuery()`. Rejects where no listener can be opened.
 */
export async function selfLookUp(
  listeners: Pick<Listeners, 'open'>,
  of: Pick<Listener, 'host' | 'port' | 'dispatch'>,
  name: string,
): Promise<readonly string[]> {
  return withPrivateListener(listeners, of, name, (host, port) =>
    lookUp([joinHostPort(host, port)], name, PATIENCE_MS).catch(() => []),
  )
}

/**
 * A listener on the loopback address for what stands behind another one, as long as `use` runs. Questions
 * for `name` there are the daemon's own: any process of the node could send others.
 */
async function withPrivateListener<T>(
  listeners: Pick<Listeners, 'open'>,
  of: Pick<Listener, 'host' | 'dispatch'>,
  name: string,
  use: (host: string, port: number) => Promise<T>,
): Promise<T> {
  const host = of.host.includes(':') ? '::1' : '127.0.0.1'
  const asked = makeQuery(0, 0, name, Type.A)?.subarray(HEADER_SIZE, -TYPE_AND_CLASS)
  const listener = await listeners.open(host, 0, (q) => {
    q.own = asked?.equals(q.wire.subarray(HEADER_SIZE, HEADER_SIZE + asked.length)) === true
    of.dispatch(q)
  })
  try {
    return await use(host, listener.port)
  } finally {
    await listener.drain(0)
  }
}

async function problemOf(
  to: Destination,
  name: string,
  mayRefuse: boolean,
): Promise<string | null> {
  const query = makeQuery(random16(), Flag.RD, name, Type.A)
  if (query === null) return `cannot be asked for "${name}", which is no name,`
  try {
    const reply = await ask(to, query, { timeoutMs: PATIENCE_MS })
    const rcode = reply[3]! & 0x0f
    if (mayRefuse && rcode === Rcode.Refused) return null
    const useless = USELESS.get(rcode)
    return useless === undefined ? null : `answers ${useless} for ${name}`
  } catch {
    return `does not answer for ${name}`
  }
}
