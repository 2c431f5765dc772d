import assert from 'node:assert/strict'
import test from 'node:test'

import { renderChart } from '../../bench/chart.ts'
import { results } from './results.ts'

const svg = renderChart(results)

/** Widths of the bars of one kind, user and system time in turn. */
function widths(kind: string): number[] {
  const bars = svg.matchAll(new RegExp(`<rect class="${kind}[^>]* width="([\\d.]+)"`, 'g'))
  return [...bars].map((bar) => Number(bar.at(1)))
}

test('renderChart() says in words what it shows', () => {
  assert.match(svg, /role="img" aria-labelledby="title desc"/)
  assert.match(svg, /<desc id="desc">Hits at .*: dnslet 5\.00 µs, unbound 8\.00 µs\./)
})

test("renderChart() draws a bar's two parts in proportion to user and system time", () => {
  const [user = 0, system = 0] = widths('own')
  assert.ok(Math.abs(system / user - 4) < 0.01, `${user} and ${system}`)
})

test('renderChart() draws memory where it was the question', () => {
  const [user = 0, system = 0] = widths('own').slice(2)
  assert.ok(Math.abs(system / user - 2) < 0.01, `${user} and ${system}`)
  assert.match(svg, /Memory: .*: dnslet 60\.00 MiB, unbound 60\.00 MiB\./)
})

test('renderChart() scales each group to its largest value', () => {
  const sums = [widths('own'), widths('peer')].map(([user = 0, system = 0]) => user + system)
  assert.ok(Math.abs((sums.at(1) ?? 0) - 460) < 0.2)
  assert.ok(Math.abs((sums.at(0) ?? 0) - (460 * 5) / 8) < 0.2)
})

test('renderChart() has a bar for every server and scenario', () => {
  const scenariosAndIdle = 2 + 1
  assert.equal(svg.match(/<rect /g)?.length, scenariosAndIdle * 2 * 2)
  assert.match(svg, /Idle, after serving: CPU a second: dnslet 2\.00 ms, unbound 0\.13 ms\./)
})

test('renderChart() draws idle servers that used nothing at all', () => {
  const idles = results.idles.map((idle) => ({ ...idle, cpu: 0 }))
  assert.doesNotMatch(renderChart({ ...results, idles }), /NaN|Infinity/)
})

test('renderChart() has no undefined numbers', () => {
  assert.doesNotMatch(svg, /NaN|undefined|Infinity/)
})

test('renderChart() escapes names', () => {
  const hostile = {
    ...results,
    servers: ['a<b&"c'],
    samples: results.samples.map((sample) => ({ ...sample, server: 'a<b&"c' })),
  }
  assert.match(renderChart(hostile), />a&lt;b&amp;&quot;c</)
})
