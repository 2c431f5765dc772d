// Rules and scrape configuration as Prometheus's own tool sees them, and each alert: that it fires, with
// which words, after which time, and that it ends.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { cpSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'

import { parse } from 'yaml'

import { requireTools } from '../helpers/debian.ts'
import { temporaryFolder } from '../helpers/nsd.ts'
import {
  type AlertCase,
  cases,
  expectedOf,
  isOfTheFleet,
  nodeOf,
  type Play,
  selectorOf,
} from './alert-cases.ts'
import { alerts, folder, promtool, readRules, readScrapeJob } from './promtool.ts'
import type { Owner } from '../helpers/processes.ts'

const suite = { skip: requireTools('promtool') }

/** Minutes during which all is well before, and again afterwards: longer than the longest range. */
const BEFORE = 40
const AFTER = 75
/** Minutes from sample to sample where hours have to pass. */
const LONG_STEP = 5

describe('promtool', suite, () => {
  test('finds nothing wrong with the rules', async (t) => {
    const { passed, output } = await promtool(t, ['check', 'rules', 'rules.yml'], {
      'rules.yml': readRules(),
    })
    assert.ok(passed, output)
    assert.match(output, /SUCCESS: \d+ rules found/)
  })

  test('which are those of the sed lines in the README, without the operator', (t) => {
    const readme = readFileSync(join(folder, 'README.md'), 'utf8')
    const cwd = temporaryFolder(t)
    const type = (pattern: RegExp): void => {
      const [line = ''] = pattern.exec(readme) ?? []
      execFileSync('sh', ['-euc', line.replace('deploy/monitoring/', '')], { cwd })
    }
    cpSync(join(folder, 'rules.yaml'), join(cwd, 'rules.yaml'))
    type(/^sed '1.*rules.yml$/m)
    assert.deepEqual(parse(readFileSync(join(cwd, 'rules.yml'), 'utf8')), readRules())
    // Links to where the runbook is read.
    type(/^sed -i .*rules.yaml$/m)
    const links = readFileSync(join(cwd, 'rules.yaml'), 'utf8').match(/(?<=^ +runbook_url: ).*/gm)
    assert.equal(links?.length, alerts.length)
    for (const link of links)
      assert.match(link, /^https:\/\/git\.example\.com\/dnslet\/blob\/main\/docs\/runbook\.md#\w+$/)
  })

  test('nor with the scrape configuration', async (t) => {
    // Debian's Prometheus is built without Kubernetes: it reads all but where the pods come from.
    const { kubernetes_sd_configs: discovery, ...job } = readScrapeJob()
    assert.deepEqual(discovery, [{ role: 'pod', namespaces: { names: ['kube-system'] } }])
    const config = {
      scrape_configs: [{ ...job, static_configs: [{ targets: ['192.0.2.1:9253'] }] }],
    }
    const { passed, output } = await promtool(t, ['check', 'config', 'prometheus.yml'], {
      'prometheus.yml': config,
    })
    assert.ok(passed, output)
  })

  test('does find something where there is something', async (t) => {
    const rules = { groups: [{ name: 'x', rules: [{ record: 'x', expr: 'sum by (' }] }] }
    const { passed } = await promtool(t, ['check', 'rules', 'r.yml'], { 'r.yml': rules })
    assert.equal(passed, false)
  })
})

describe('each alert', suite, () => {
  const ended: (() => Promise<void> | void)[] = []
  const owner: Owner = { after: (fn) => void ended.unshift(fn) }
  let verdict = { passed: false, output: 'promtool did not run' }
  before(async () => {
    // All at once, a node for each: promtool makes a database for every test.
    const loud = cases.filter(({ fires }) => fires !== null)
    const lasting = loud.filter((one) => lengthOf(one) > 100)
    const short = loud.filter((one) => !lasting.includes(one))
    const tests = [
      played(short.filter((one) => !isOfTheFleet(one))),
      ...short.filter(isOfTheFleet).map((one) => played([one])),
      quiet(cases.filter(({ fires }) => fires === null)),
    ]
    const file = { rule_files: ['rules.yml'] }
    // Each evaluation of all rules costs some milliseconds.
    const seldom = lasting.map((one) => played([one], LONG_STEP))
    verdict = await promtool(owner, ['test', 'rules', 'often.yml', 'seldom.yml'], {
      'rules.yml': readRules(),
      'often.yml': { ...file, evaluation_interval: '1m', tests },
      'seldom.yml': { ...file, evaluation_interval: `${LONG_STEP}m`, tests: seldom },
    })
  })
  after(async () => {
    for (const end of ended) await end()
  })

  test('has a case in which it fires, and each case an alert', () => {
    const fired = new Set(cases.filter(({ fires }) => fires !== null).map(({ alert }) => alert))
    assert.deepEqual([...fired].toSorted(), alerts.map(({ alert }) => alert).toSorted())
  })

  test('says how urgent it is and where to read on; two are worth a page', () => {
    for (const { alert, labels, annotations } of alerts) {
      assert.ok(['critical', 'warning', 'info'].includes(labels['severity']!), alert)
      assert.deepEqual(Object.keys(annotations), ['summary', 'runbook_url'], alert)
      assert.equal(annotations['runbook_url'], `docs/runbook.md#${alert.toLowerCase()}`)
    }
    const critical = alerts.filter(({ labels }) => labels['severity'] === 'critical')
    assert.deepEqual(
      critical.map(({ alert }) => alert),
      ['NodeLocalDNSServfail', 'NodeLocalDNSUpstreamsDown'],
    )
  })

  for (const { alert } of alerts) {
    const titles = cases
      .filter((one) => one.alert === alert)
      .map(({ title }) => title ?? 'as it should')
    test(`${alert} fires and ends: ${titles.join(', ')}`, () => {
      assert.ok(verdict.passed || verdict.output.includes('alertname'), verdict.output)
      const complaints = verdict.output
        .split('FAILED:')
        .slice(1)
        .filter((text) => text.includes(`alertname: ${alert},`))
      assert.deepEqual(complaints, [])
    })
  }

  test('promtool has no other complaint', () => {
    assert.ok(verdict.passed, verdict.output)
  })
})

/** A test in which these play, and which asks at each turn of an alert whether it fires. */
function played(some: readonly AlertCase[], step = 1): object {
  const minutes = Math.max(...some.map(lengthOf))
  return {
    interval: `${step}m`,
    input_series: some.flatMap((one) => seriesOf(one, minutes, step)),
    alert_rule_test: [...new Set(some.map(({ alert }) => alert))].flatMap((alert) => {
      const {
        annotations,
        labels,
        for: pending = '0m',
      } = alerts.find((one) => one.alert === alert)!
      const firing = some
        .filter((one) => one.alert === alert)
        .map((one) => ({
          exp_labels: { ...labels, ...expectedOf(one).labels },
          exp_annotations: { ...annotations, summary: expectedOf(one).summary },
        }))
      const at = (minute: number, exp_alerts: readonly object[]): object => ({
        eval_time: `${minute}m`,
        alertname: alert,
        exp_alerts,
      })
      return [
        at(BEFORE - 1, []),
        // It has to last: nothing fires before its time.
        at(BEFORE + minutesOf(pending) - 1, []),
        at(BEFORE + minutes - 1, firing),
        at(BEFORE + minutes + AFTER, []),
      ]
    }),
  }
}

/** A test in which these play, and nothing they are about may fire at any time. */
function quiet(some: readonly AlertCase[]): object {
  const minutes = Math.max(...some.map(lengthOf))
  const times = Array.from({ length: (BEFORE + minutes + AFTER) / 5 }, (_, i) => i * 5 + 2)
  return {
    interval: '1m',
    input_series: some.flatMap((one) => seriesOf(one, lengthOf(one))),
    alert_rule_test: [...new Set(some.map(({ alert }) => alert))].flatMap((alertname) =>
      times.map((minute) => ({ eval_time: `${minute}m`, alertname, exp_alerts: [] })),
    ),
  }
}

function lengthOf({ minutes = 75 }: AlertCase): number {
  return minutes
}

function seriesOf(one: AlertCase, minutes: number, step = 1): object[] {
  return Object.entries(one.series).map(([selector, [good, bad]]) => ({
    series: selectorOf(selector, { job: 'node-local-dns', node: nodeOf(one) }),
    values: values(good, bad, minutes, step),
  }))
}

/** promtool's notation of three phases: good, bad, good. Counters go on where they were. */
function values(good: Play, bad: Play, minutes: number, step: number): string {
  const phases = [
    [good, BEFORE],
    [bad, minutes],
    [good, AFTER + 5],
  ] as const
  let value = 0
  return phases
    .map(([play, length]) => {
      const count = length / step
      if (play === null) return `_x${count}`
      if (typeof play === 'number') return `${play}x${count - 1}`
      const gain = Number(play) * step
      const text = `${value}+${gain}x${count - 1}`
      value += gain * count
      return text
    })
    .join(' ')
}

function minutesOf(duration: string): number {
  const [, count = '0', unit = 'm'] = /^(\d+)([mh])$/.exec(duration) ?? []
  return Number(count) * (unit === 'h' ? 60 : 1)
}
