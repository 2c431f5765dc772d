import { Outcome, type Query } from './query.ts'
import { classify, ResponseKind } from '../wire/classify.ts'
import { Rcode } from '../wire/codes.ts'
import { readCount, Section } from '../wire/header.ts'
import { Records, scanRecords } from '../wire/records.ts'
import { WireStatus } from '../wire/status.ts'

/** What a query came to, as the `class` option selects it; bits of a set. */
export const ResponseClass = { Success: 1, Denial: 2, Error: 4 } as const
export type ResponseClass = (typeof ResponseClass)[keyof typeof ResponseClass]

export const ALL_CLASSES: number =
  ResponseClass.Success | ResponseClass.Denial | ResponseClass.Error

const classOfKind: Readonly<Record<ResponseKind, ResponseClass>> = {
  [ResponseKind.NoError]: ResponseClass.Success,
  [ResponseKind.Delegation]: ResponseClass.Success,
  [ResponseKind.NoData]: ResponseClass.Denial,
  [ResponseKind.NameError]: ResponseClass.Denial,
  [ResponseKind.ServerError]: ResponseClass.Error,
  [ResponseKind.Meta]: ResponseClass.Error,
  [ResponseKind.Update]: ResponseClass.Error,
  [ResponseKind.OtherError]: ResponseClass.Error,
}

/** Made by the first reply that has to be looked into: 50 kB that most configurations never need. */
let scratch: Records | null = null

/** The kind of the reply that went out; a query without one counts as an error of another kind. */
export function kindOf(q: Query): ResponseKind {
  const { edns, out, outLength, question, rcode } = q
  if (q.outcome === Outcome.Drop) return ResponseKind.OtherError
  // The records tell nothing more about these.
  if (rcode === Rcode.ServFail || rcode === Rcode.NotImp) return ResponseKind.ServerError
  if (rcode !== Rcode.NoError && rcode !== Rcode.NXDomain) return ResponseKind.OtherError
  // Nor about most others, which were scanned where they came in: signatures count for DO alone.
  if (!edns.dnssecOk && q.outcome === Outcome.Message) {
    const answers = readCount(out, Section.Answer)
    if (rcode === Rcode.NoError && answers > 0) return ResponseKind.NoError
    if (rcode === Rcode.NXDomain && answers === 0) return ResponseKind.NameError
  }
  scratch ??= new Records()
  if (scanRecords(out, outLength, question, scratch) !== WireStatus.Ok) {
    return ResponseKind.OtherError
  }
  return classify(out, question, scratch, Math.floor(Date.now() / 1000))
}

export function classOf(q: Query): ResponseClass {
  return classOfKind[kindOf(q)]
}
