// The dashboard is one that Grafana reads, its expressions are ones that Prometheus reads, and they, the
// rules and the scrape configuration speak of the same series.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'

import { parse } from 'yaml'

import { requireTools } from '../helpers/debian.ts'
import {
  dashboard,
  expressions,
  filledIn,
  full,
  fullExpressions,
  known,
  lean,
  samplesOf,
  selectorsOf,
  targetLabels,
} from './expressions.ts'
import { nodeCacheNames } from './node-cache-names.ts'
import { folder, isKept, promtool, readScrapeJob, type RelabelConfig } from './promtool.ts'

const all = [...lean, ...full]
const every = [...expressions, ...fullExpressions]

describe('the dashboard', () => {
  test('has panels with a title, a unit, targets, and the data source of a variable', () => {
    assert.ok(lean.length >= 20 && full.length > 5)
    assert.deepEqual(
      dashboard.templating.list.map(({ name, type }) => `${name} ${type}`),
      ['datasource datasource', 'job query', 'node query'],
    )
    for (const { title, fieldConfig, targets, datasource } of all) {
      assert.ok(title.length > 0 && fieldConfig.defaults.unit !== undefined, title)
      assert.ok(targets.length > 0, title)
      assert.equal(new Set(targets.map(({ refId }) => refId)).size, targets.length, title)
      for (const { uid } of [datasource!, ...targets.map((target) => target.datasource)])
        assert.equal(uid, '${datasource}', title)
    }
    const ids = [...dashboard.panels, ...full].map(({ id }) => id)
    assert.equal(new Set(ids).size, ids.length)
  })

  test('has no two panels in the same place, and none beyond the edge', () => {
    for (const panels of [dashboard.panels, full]) {
      const taken = new Set<string>()
      for (const { title, gridPos } of panels) {
        const { x, y, w, h } = gridPos
        assert.ok(x >= 0 && x + w <= 24, title)
        for (let i = 0; i < w * h; i++) {
          const cell = `${x + (i % w)} ${y + Math.floor(i / w)}`
          assert.ok(!taken.has(cell), `${title} is on top of another panel`)
          taken.add(cell)
        }
      }
    }
  })

  test('asks for no job and no node but those chosen', () => {
    for (const { title, targets } of all) {
      for (const { expr } of targets)
        for (const { name, matchers } of selectorsOf(expr)) {
          const of = matchers.map(({ label, op, value }) => label + op + value).join(' ')
          assert.ok(of.startsWith('job=$job node=~$node'), `${title}: ${name}`)
        }
    }
  })

  test('has expressions that Prometheus reads', { skip: requireTools('promtool') }, async (t) => {
    const rules = every.map(({ expr }, i) => ({ record: `expression_${i}`, expr }))
    const { passed, output } = await promtool(t, ['check', 'rules', 'r.yml'], {
      'r.yml': { groups: [{ name: 'all', rules }] },
    })
    assert.ok(passed, output)
  })
})

describe('rules, dashboard and scrape configuration', () => {
  test('name series and labels that dnslet or a node-cache has', () => {
    for (const { at, expr } of every) {
      const selectors = selectorsOf(expr)
      assert.ok(selectors.length > 0 || expr.includes(':'), at)
      for (const { name, matchers } of selectors) {
        const labels = known.get(name)
        assert.ok(labels !== undefined, `${at}: ${name}`)
        for (const { label } of matchers)
          assert.ok(targetLabels.has(label) || labels.includes(label), `${at}: ${name} ${label}`)
        assert.ok(
          matchers.some(({ label, value }) => label === 'job' && value === 'node-local-dns'),
          `${at}: ${name} may be kube-dns's`,
        )
      }
      const labels = new Set([...targetLabels, ...[...known.values()].flat()])
      for (const [, list = ''] of expr.matchAll(/\b(?:by|on) \(([^)]*)\)/g))
        for (const label of list.split(', ')) assert.ok(labels.has(label), `${at}: by ${label}`)
      // A name without a selector would be that of any job.
      for (const [name] of expr.matchAll(/(?<![:\w])(?:coredns|dnslet|process)_\w+\b(?![:{])/g))
        assert.fail(`${at}: ${name} without a job`)
    }
  })

  test('what rules and dashboard read is kept', () => {
    for (const { at, expr } of expressions)
      for (const selector of selectorsOf(expr)) {
        if (selector.name === 'up') continue
        const samples = samplesOf(selector).filter(({ zone = '', rcode, le = '+Inf' }) => {
          const isReverse = zone.endsWith('.arpa.')
          return !isReverse || (rcode !== 'NXDOMAIN' && le === '+Inf')
        })
        assert.ok(samples.length > 0, at)
        for (const labels of samples)
          assert.ok(
            isKept(selector.name, labels),
            `${at}: ${selector.name} ${JSON.stringify(labels)}`,
          )
      }
  })

  test('what is kept is read by rules or dashboard', () => {
    const read = expressions.flatMap(({ expr }) => selectorsOf(expr))
    for (const [name] of known)
      for (const labels of samplesOf({ name, matchers: [] })) {
        if (!isKept(name, labels)) continue
        const isRead = read.some(
          (selector) =>
            selector.name === name &&
            samplesOf(selector).some((one) => JSON.stringify(one) === JSON.stringify(labels)),
        )
        assert.ok(isRead, `nobody reads ${name} ${JSON.stringify(labels)}`)
      }
  })

  test('both scrape configurations are the same', () => {
    const text = readFileSync(join(folder, 'pod-monitor.yaml'), 'utf8')
    const monitor = parse(text) as {
      spec: {
        selector: { matchLabels: Record<string, string> }
        podMetricsEndpoints: [
          { interval: string; relabelings: Camel[]; metricRelabelings: Camel[] },
        ]
      }
    }
    const [endpoint] = monitor.spec.podMetricsEndpoints
    const { metric_relabel_configs, relabel_configs, scrape_interval } = readScrapeJob()
    assert.deepEqual(endpoint.metricRelabelings.map(snake), metric_relabel_configs)
    // The operator adds what stands first: the pods selected, those that run, and their names.
    const own = relabel_configs.filter(
      ({ source_labels: [label = ''] }) => !/_pod_(label_.*|phase|name)$/.test(label),
    )
    assert.deepEqual(endpoint.relabelings.map(snake), own)
    assert.equal(endpoint.interval, scrape_interval)
    assert.deepEqual(monitor.spec.selector.matchLabels, { 'k8s-app': 'node-local-dns' })
  })
})

interface Camel {
  readonly sourceLabels: readonly string[]
  readonly targetLabel?: string
}

function snake({ sourceLabels, targetLabel, ...rest }: Camel): RelabelConfig {
  const target = targetLabel === undefined ? {} : { target_label: targetLabel }
  return { source_labels: sourceLabels, ...target, ...rest }
}

/** Ten queries a second in 600 a minute, as three generations of daemon count them. */
const fleet: Readonly<Record<string, readonly string[]>> = {
  dnslet: [
    'coredns_dns_request_duration_seconds_bucket{le="+Inf",zone="."} 600',
    'coredns_dns_responses_total{rcode="SERVFAIL",zone=".",plugin="forward"} 60',
    'coredns_cache_misses_total{zones="."} 150',
    'coredns_dns_requests_total{zone=".",proto="udp",family="1",type="A"} 600',
    'coredns_proxy_request_duration_seconds_bucket{to="192.0.2.53:53",rcode="NOERROR",le="+Inf"} 150',
    'coredns_proxy_request_duration_seconds_bucket{to="192.0.2.53:53",rcode="NOERROR",le="1.024"} 135',
  ],
  'node-cache-1.14': [
    'coredns_dns_request_duration_seconds_bucket{le="+Inf",zone="."} 600',
    'coredns_dns_responses_total{rcode="SERVFAIL",zone=".",plugin="cache"} 60',
    'coredns_cache_misses_total{zones="."} 150',
    'coredns_dns_requests_total{zone=".",proto="udp",family="1",type="A"} 600',
    'coredns_proxy_request_duration_seconds_bucket{to="192.0.2.53:53",rcode="NOERROR",le="+Inf"} 150',
    'coredns_proxy_request_duration_seconds_bucket{to="192.0.2.53:53",rcode="NOERROR",le="1.024"} 135',
  ],
  'node-cache-1.6': [
    'coredns_dns_request_duration_seconds_bucket{le="+Inf",type="A",zone="."} 600',
    'coredns_dns_response_rcode_count_total{rcode="SERVFAIL",zone="."} 60',
    'coredns_cache_misses_total{server="dns://:53"} 150',
    'coredns_dns_request_count_total{zone=".",proto="udp",family="1"} 600',
    'coredns_dns_request_type_count_total{zone=".",type="A"} 600',
    'coredns_forward_request_duration_seconds_bucket{to="192.0.2.53:53",le="+Inf"} 150',
    'coredns_forward_request_duration_seconds_bucket{to="192.0.2.53:53",le="1.024"} 135',
  ],
}

/** What the panels show of three nodes at once. */
const shown: Readonly<Record<string, readonly [labels: string, value: number]>> = {
  Queries: ['{}', 30],
  'Answered from the cache': ['{}', 0.75],
  SERVFAIL: ['{}', 0.1],
  'Queries by zone': ['{zone="."}', 30],
  'Failures and denials by rcode': ['{rcode="SERVFAIL"}', 3],
  'Slow upstreams': ['{to="192.0.2.53:53"}', 0.1],
  'Queries by transport': ['{proto="udp"}', 30],
  'Queries by type': ['{type="A"}', 30],
}

test(
  'a fleet of dnslet and node-cache of two generations shows whole',
  { skip: requireTools('promtool') },
  async (t) => {
    const input = Object.entries(fleet).flatMap(([node, series]) =>
      series.map((one) => {
        const [selector = '', step = ''] = one.split(' ')
        return {
          series: selector.replace('{', `{job="node-local-dns",node="${node}",`),
          values: `0+${step}x20`,
        }
      }),
    )
    const old = fleet['node-cache-1.6']!.map((one) => one.replace(/[{].*/, ''))
    assert.ok(old.some((name) => nodeCacheNames.has(name)))
    const queries = Object.entries(shown).map(([title, [labels, value]]) => ({
      expr: `round(${filledIn(all.find((panel) => panel.title === title)!.targets[0]!.expr)}, 0.0001)`,
      eval_time: '15m',
      exp_samples: [{ labels, value }],
    }))
    const tests = [{ interval: '1m', input_series: input, promql_expr_test: queries }]
    const { passed, output } = await promtool(t, ['test', 'rules', 'tests.yml'], {
      'tests.yml': { tests },
    })
    assert.ok(passed, output)
  },
)
