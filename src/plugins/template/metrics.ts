import { ByServer, LabelledCounters } from '../../lib/counters.ts'
import { counters, type MetricSpec } from '../../lib/metrics.ts'
import type { ServerIdentity } from '../../serve/query.ts'
import { Class, className, Type, typeName } from '../../wire/codes.ts'

const knownTypes: ReadonlySet<number> = new Set(Object.values(Type))
const knownClasses: ReadonlySet<number> = new Set(Object.values(Class))

interface Count {
  count: number
}

/** What could not be made: a template that failed, or a text that is no record. */
interface Failures {
  template: number
  record: number
}

/** Labels: server, zone, view, class, type. */
const matches = new LabelledCounters<Count>(() => ({ count: 0 }))
/** The same, then section and template. */
const failures = new LabelledCounters<Failures>(() => ({ template: 0, record: 0 }))

/** A type as templates and metrics name it: empty where it has no mnemonic, so that labels are few. */
export function typeLabel(type: number): string {
  return knownTypes.has(type) ? typeName(type) : ''
}

/** The same for a class. */
export function classLabel(klass: number): string {
  return knownClasses.has(klass) ? className(klass) : ''
}

/** One number for each pair of labels of class and type. */
export function labelKey(klass: number, type: number): number {
  return ((knownClasses.has(klass) ? klass : 0) << 16) | (knownTypes.has(type) ? type : 0)
}

/** The queries that templates matched in one zone of one block. */
export class Matches {
  readonly #zone: string
  readonly #view: string
  readonly #byKey = new Map<number, ByServer<Count>>()

  constructor(zone: string, view: string) {
    this.#zone = zone
    this.#view = view
  }

  count(server: ServerIdentity, klass: number, type: number): void {
    const key = labelKey(klass, type)
    let counted = this.#byKey.get(key)
    if (counted === undefined) {
      counted = new ByServer(matches, this.#zone, this.#view, classLabel(klass), typeLabel(type))
      this.#byKey.set(key, counted)
    }
    counted.of(server).count++
  }
}

/** Counts a record that could not be made, by the labels from server to template. */
export function countFailure(kind: keyof Failures, labels: readonly string[]): void {
  failures.get(...labels)[kind]++
}

const LABELS = ['server', 'zone', 'view', 'class', 'type']
const FAILURE_LABELS = [...LABELS, 'section', 'template']

export const metrics: readonly MetricSpec[] = [
  counters(
    'coredns_template_matches_total',
    'Queries that a template matched.',
    LABELS,
    matches,
    ({ count }) => count,
  ),
  counters(
    'coredns_template_template_failures_total',
    'Templates that failed while they ran.',
    FAILURE_LABELS,
    failures,
    ({ template }) => template,
  ),
  counters(
    'coredns_template_rr_failures_total',
    'Texts made by templates that are no record.',
    FAILURE_LABELS,
    failures,
    ({ record }) => record,
  ),
]
