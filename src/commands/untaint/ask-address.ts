import { isAbsent, reachable, ask, type Destination } from '../../upstream/ask.ts'
import { random16 } from '../../upstream/random.ts'
import { rcodeName, Rcode, Type, Flag } from '../../wire/codes.ts'
import { rcodeOf, readCount, readFlags, Section } from '../../wire/header.ts'
import { makeQuery } from '../../wire/query.ts'

/** What a client that has not been answered by then would call a failure. */
const PATIENCE = { timeoutMs: 2_000 } as const

/**
 * Asks an address of this machine for the A records of `name`. Resolves to null where there are some,
 * else to what came instead (`SERVFAIL`, `no interface has this address now`). Never rejects.
 *
 * @param name absolute, in presentation format
 */
export async function askAddress(at: Destination, name: string): Promise<string | null> {
  const query = makeQuery(random16(), Flag.RD, name, Type.A)
  if (query === null) return `"${name}" is no name`
  try {
    const reply = await ask({ ...at, host: reachable(at.host) }, query, PATIENCE)
    const rcode = rcodeOf(readFlags(reply))
    if (rcode !== Rcode.NoError) return rcodeName(rcode)
    return readCount(reply, Section.Answer) > 0 ? null : 'no record'
  } catch (error) {
    return isAbsent(error) ? 'no interface has this address now' : (error as Error).message
  }
}
