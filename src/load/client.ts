import { rcodeName } from '../wire/codes.ts'
import type { PacketCounts } from './packet-counts.ts'
import type { ResolverConfig } from './resolv-conf.ts'
import type { ErrorKind } from './result.ts'
import type { Sockets } from './sockets.ts'

/** How a look-up ended. */
export interface Outcome {
  /** Null where it was answered, even if with "no such name". */
  readonly error: ErrorKind | null
  /** NOERROR, NODATA, NXDOMAIN, SERVFAIL, …; null where there was no answer at all. */
  readonly answer: string | null
}

/** Called once for each look-up, never before `lookUp` has returned. */
export type Done = (outcome: Outcome) => void

/** A resolver of one manner. */
export interface Client {
  /** Looks a host up as an application would have it: all types, retries, the search list. */
  lookUp(host: string, done: Done): void
  /** Gives up what is under way: its `done` is never called. */
  close(): void
}

/** What a client is made of. */
export interface ClientParts {
  readonly config: ResolverConfig
  /** Types of each look-up: A and AAAA, or one of the user's. */
  readonly types: readonly number[]
  readonly sockets: Sockets
  readonly packets: PacketCounts
}

/** A manner of looking up names. */
export interface Manner {
  readonly name: string
  /** One line for people. */
  readonly describe: string
  /** Descriptors a look-up holds at most. */
  readonly descriptors: number
  readonly create: (parts: ClientParts) => Client
}

export const found: Outcome = { error: null, answer: 'NOERROR' }
export const noData: Outcome = { error: null, answer: 'NODATA' }
export const noName: Outcome = { error: null, answer: 'NXDOMAIN' }
export const timedOut: Outcome = { error: 'timeout', answer: null }
export const malformed: Outcome = { error: 'malformed', answer: null }

/** The outcome of a socket's error. */
export function failure(code: string): Outcome {
  return { error: code === 'ECONNREFUSED' ? 'refused' : 'network', answer: null }
}

const rcodeOutcomes = new Map<number, Outcome>()

/** The outcome of an answer with an error. */
export function rcodeOutcome(rcode: number): Outcome {
  let outcome = rcodeOutcomes.get(rcode)
  if (outcome === undefined) {
    outcome = { error: 'rcode', answer: rcodeName(rcode) }
    rcodeOutcomes.set(rcode, outcome)
  }
  return outcome
}
