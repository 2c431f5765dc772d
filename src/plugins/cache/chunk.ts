/**
 * What lies where in the chunk of an entry:
 *
 *   chunk  [ times: 4 × 8 ][ hits: 4 ][ sizes: 4 × 2 ][ EDE: 2 ][ variant: 1 ][ kind: 1 ]
 *          [ question, lower case ][ flags, counts: 10 ][ records … ][ offset of each TTL: 2 each ]
 *          [ extended errors, as options … ]
 *
 * Offsets of TTLs count from the message's start. Times are milliseconds of `Clock.now`.
 */

/** Times at the start of a chunk, eight octets each: their places in `Page.doubles`. */
export const Time = { Stored: 0, Expires: 1, LastHit: 2, Retry: 3 } as const
/** Offsets in a chunk of what follows them. */
export const At = {
  Hits: 32,
  QuestionBytes: 36,
  RecordBytes: 38,
  TtlCount: 40,
  ErrorBytes: 42,
  Ede: 44,
  Variant: 46,
  Kind: 47,
  Question: 48,
} as const

/** Flags and counts of the header: what a stored message keeps of its first 12 octets. */
export const HEAD_START = 2
export const HEAD_SIZE = 10
/** Where the count of the answer section stands in it. */
export const ANSWER_COUNT = 4
