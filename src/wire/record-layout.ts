/**
 * Where the fields of a resource record stand (RFC 1035 §3.2.1): distances in octets.
 *
 *     owner name │ type at 0, class at 2, TTL at 4, size of the data at 8 │ data at 10
 */
export const RECORD_FIXED = 10
export const TYPE_TO_TTL = 4
export const CLASS_TO_TTL = 2
export const TTL_TO_RDATA = 6
