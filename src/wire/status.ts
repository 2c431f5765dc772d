/** What parsing found. Bad input is expected input: it yields a status, never an exception. */
export const WireStatus = {
  Ok: 0,
  /** Deserves no reply at all. */
  Ignore: 1,
  FormErr: 2,
  NotImp: 3,
  /** A bare header that promises a question: answered SERVFAIL without question. */
  ServFail: 4,
} as const
export type WireStatus = (typeof WireStatus)[keyof typeof WireStatus]
