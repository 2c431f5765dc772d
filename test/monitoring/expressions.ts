import { readFileSync } from 'node:fs'
import { join } from 'node:path'

import { rcodeName } from '../../src/wire/codes.ts'
import { resultNames } from '../../src/upstream/counters.ts'
import { allMetrics } from '../helpers/metrics.ts'
import { nodeCacheNames } from './node-cache-names.ts'
import { folder, readRules } from './promtool.ts'

export interface Panel {
  readonly id: number
  readonly type: string
  readonly title: string
  readonly description?: string
  readonly collapsed?: boolean
  readonly datasource?: { readonly type: string; readonly uid: string }
  readonly gridPos: {
    readonly x: number
    readonly y: number
    readonly w: number
    readonly h: number
  }
  readonly fieldConfig: { readonly defaults: { readonly unit?: string } }
  readonly targets: readonly {
    readonly refId: string
    readonly expr: string
    readonly datasource: { readonly uid: string }
  }[]
  readonly panels?: readonly Panel[]
}

export interface Dashboard {
  readonly title: string
  readonly templating: {
    readonly list: readonly { readonly name: string; readonly type: string }[]
  }
  readonly panels: readonly Panel[]
}

export const dashboard: Dashboard = JSON.parse(
  readFileSync(join(folder, 'dashboard.json'), 'utf8'),
) as Dashboard

/** Panels that the scrape configuration serves, and those of the row that wants everything. */
export const lean: readonly Panel[] = dashboard.panels.filter(({ type }) => type !== 'row')
export const full: readonly Panel[] = dashboard.panels.flatMap(({ panels = [] }) => panels)

/** An expression of the dashboard with values for its variables. */
export function filledIn(expr: string): string {
  return expr
    .replaceAll('$job', 'node-local-dns')
    .replaceAll('$node', '.*')
    .replaceAll('$__rate_interval', '5m')
}

/** All expressions, with where they stand. */
export const expressions: readonly { readonly at: string; readonly expr: string }[] = [
  ...readRules()
    .groups.flatMap(({ rules }) => rules)
    .map((rule) => ({ at: 'alert' in rule ? rule.alert : rule.record, expr: rule.expr })),
  ...lean.flatMap(expressionsOf),
]
export const fullExpressions: typeof expressions = full.flatMap(expressionsOf)

function expressionsOf({ title, targets }: Panel): { at: string; expr: string }[] {
  return targets.map(({ expr }) => ({ at: title, expr: filledIn(expr) }))
}

export interface Selector {
  readonly name: string
  readonly matchers: readonly {
    readonly label: string
    readonly op: string
    readonly value: string
  }[]
}

/** Every `name{…}` of an expression. Names of recording rules have a colon, and no selector. */
export function selectorsOf(expr: string): Selector[] {
  return [...expr.matchAll(/(?<![\w:])([a-z_]+)\{([^}]*)\}/g)].map(([, name = '', text = '']) => ({
    name,
    matchers: [...text.matchAll(/(\w+)(=~|!~|!=|=)"((?:[^"\\]|\\.)*)"/g)].map(
      ([, label = '', op = '', value = '']) => ({ label, op, value }),
    ),
  }))
}

/** Labels that each series has from its target. */
export const targetLabels: ReadonlySet<string> = new Set(['job', 'node'])

/** Every series name there is, with its labels beside those. */
export const known: ReadonlyMap<string, readonly string[]> = new Map([
  ['up', []],
  ...nodeCacheNames,
  ['coredns_forward_request_duration_seconds_bucket', ['to', 'rcode', 'le']],
  ...allMetrics().flatMap(({ name, type, labels }): [string, readonly string[]][] =>
    type === 'histogram'
      ? [
          [`${name}_bucket`, [...labels, 'le']],
          [`${name}_sum`, labels],
          [`${name}_count`, labels],
        ]
      : [[name, labels]],
  ),
])

/** What the labels that the scrape configuration looks at may be. */
const possible: Readonly<Record<string, readonly string[]>> = {
  le: ['0.004', '0.25', '0.256', '1.024', '+Inf', '0.001'],
  // Before it had the label, a node-cache of CoreDNS 1.7 had none.
  rcode: ['', ...[0, 1, 2, 3, 4, 5].map(rcodeName)],
  result: resultNames,
  zone: ['.', 'cluster.local.', 'in-addr.arpa.'],
  zones: ['.', 'cluster.local.', 'cluster.local.,in-addr.arpa.', 'in-addr.arpa.,ip6.arpa.'],
}

/** Label sets that a selector of the rules may meet. */
export function samplesOf({ name, matchers }: Selector): Record<string, string>[] {
  let sets: Record<string, string>[] = [{}]
  for (const label of known.get(name) ?? []) {
    const values = possible[label]
    if (values === undefined) continue
    const fitting = values
      .filter((value) => value !== '' || name.startsWith('coredns_forward_request_'))
      .filter((value) => matchers.every((one) => fits(one, label, value)))
    sets = sets.flatMap((set) => fitting.map((value) => ({ ...set, [label]: value })))
  }
  return sets
}

function fits(
  { label, op, value }: Selector['matchers'][number],
  wanted: string,
  text: string,
): boolean {
  if (label !== wanted) return true
  const matches = op.endsWith('~') ? new RegExp(`^(?:${value})$`).test(text) : value === text
  return op.startsWith('!') ? !matches : matches
}
