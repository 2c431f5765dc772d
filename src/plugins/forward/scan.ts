import type { Query } from '../../serve/query.ts'
import { Records, scanRecords } from '../../wire/records.ts'
import { WireStatus } from '../../wire/status.ts'

/** Where the records of the message being delivered lie. One is enough: delivery is synchronous. */
export const records: Records = new Records()

/** Whether a reply is sound, its records then in `records`; an extended rcode would be lost with OPT, and look like NOERROR. */
export function scan(reply: Buffer, length: number, { question }: Query): boolean {
  const status = scanRecords(reply, length, question, records)
  return status === WireStatus.Ok && records.extendedRcode === 0
}
