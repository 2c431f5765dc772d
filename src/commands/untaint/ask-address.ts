import { randomInt } from 'node:crypto'
import {
  askOnce,
  isAbsent,
  type OwnAddress,
  reachable,
  simpleQuery,
} from '../../upstream/ask-once.ts'
import { rcodeName, Rcode, Type } from '../../wire/codes.ts'
import { rcodeOf, readCount, readFlags, Section } from '../../wire/header.ts'

/** What a client that has not been answered by then would call a failure. */
const PATIENCE_MS = 2_000

/**
 * Asks an address of this machine for the A records of `name`. Resolves to null where there are some,
 * else to what came instead (`SERVFAIL`, `no interface has this address now`). Never rejects.
 *
 * @param name absolute, in presentation format
 */
export async function askAddress(at: OwnAddress, name: string): Promise<string | null> {
  const query = simpleQuery(randomInt(0x10000), name, Type.A)
  if (query === null) return `"${name}" is no name`
  try {
    const reply = await askOnce({ ...at, host: reachable(at.host) }, query, PATIENCE_MS)
    const rcode = rcodeOf(readFlags(reply))
    if (rcode !== Rcode.NoError) return rcodeName(rcode)
    return readCount(reply, Section.Answer) > 0 ? null : 'no record'
  } catch (error) {
    return isAbsent(error) ? 'no interface has this address now' : (error as Error).message
  }
}
