import { plural } from '../../lib/plural.ts'
import type { Outcome } from './facts.ts'

/** NOERROR with records. */
export function hasAnswer(outcome: Outcome): boolean {
  return outcome.kind === 'reply' && outcome.rcode === 'NOERROR' && outcome.answers > 0
}

/** Any reply at all: somebody serves DNS there. */
export function hasReply(outcome: Outcome): outcome is Extract<Outcome, { kind: 'reply' }> {
  return outcome.kind === 'reply'
}

/** Nothing came back, for so long as was waited. */
export function isSilent(outcome: Outcome): boolean {
  return outcome.kind === 'failure' && outcome.how === 'timeout'
}

/** This machine itself did not let it out: no address, no route, or a filter. */
export function isUnsent(outcome: Outcome): boolean {
  return outcome.kind === 'failure' && (outcome.how === 'absent' || outcome.how === 'forbidden')
}

/** `NOERROR, 1 record, 87 octets, 0.4 ms`; `no answer within 1.5 s`. */
export function described(outcome: Outcome): string {
  if (outcome.kind === 'failure') return outcome.text
  if (outcome.kind === 'connected') return `connected, ${outcome.ms.toFixed(1)} ms`
  const { rcode, answers, octets, truncated, ms } = outcome
  return `${rcode}, ${plural(answers, 'record')}${truncated ? ', truncated' : ''}, ${octets} octets, ${ms.toFixed(1)} ms`
}
