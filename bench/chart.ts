import { findScenario } from './scenario.ts'
import type { Results } from './sample.ts'
import type { Spread } from './stats.ts'
import { idleCpu, measuredScenarios, summarise } from './summary.ts'

const WIDTH = 760
const LABELS = 130
const VALUES = 170
const BARS = WIDTH - LABELS - VALUES
const HEADER = 82
const TITLE_HEIGHT = 32
const ROW_HEIGHT = 22
const BAR_HEIGHT = 14
const GROUP_GAP = 16

/** Readable on a white and on a dark page; dnslet's bars stand out from the others'. */
const style = `
  text { font: 13px system-ui, sans-serif; fill: #1f2328 }
  .title { font-size: 17px; font-weight: 600 }
  .group { font-weight: 600 }
  .note { fill: #59636e; font-size: 12px }
  .own { fill: #0969da }
  .peer { fill: #818b98 }
  .rest { opacity: .5 }
  .range { stroke: #1f2328; stroke-width: 1.5 }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 }
    .note { fill: #9198a1 }
    .own { fill: #4493f8 }
    .range { stroke: #e6edf3 }
  }`

/** A bar chart (SVG): the CPU time per query of each server in each scenario, its memory, its idle CPU. */
export function renderChart(results: Results): string {
  const groups = measuredScenarios(results).map((scenario) => {
    return scenario === 'memory' ? memoryGroup(results) : cpuGroup(results, scenario)
  })
  if (results.idles.length > 0) groups.push(idleGroup(results))
  let top = HEADER
  const parts: string[] = []
  for (const group of groups) {
    parts.push(renderGroup(group, top))
    top += TITLE_HEIGHT + group.bars.length * ROW_HEIGHT + GROUP_GAP
  }
  const title = 'CPU time per query and memory (less is better)'
  const notes = [
    `Medians and ranges of ${results.rounds} rounds. Each group has its own scale.`,
    'Solid: user time, RssAnon; pale: system time, the rest of RSS.',
  ]
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${top}" role="img" aria-labelledby="title desc">
<title id="title">${title}</title>
<desc id="desc">${escapeXml(describe(groups))}</desc>
<style>${style}
</style>
<text class="title" x="8" y="28">${title}</text>
<text class="note" x="8" y="48">${notes[0]}</text>
<text class="note" x="8" y="64">${notes[1]}</text>
${parts.join('\n')}
</svg>
`
}

interface Group {
  readonly title: string
  readonly unit: string
  readonly bars: readonly Bar[]
}

interface Bar {
  readonly server: string
  readonly whole: Spread
  /** The solid part of `whole`. */
  readonly solid: number
}

function cpuGroup(results: Results, scenario: string): Group {
  const bars = summarise(results, scenario).map(({ server, cpu, userCpu }) => {
    return { server, whole: cpu, solid: userCpu }
  })
  return { title: findScenario(scenario).title, unit: 'µs', bars }
}

function memoryGroup(results: Results): Group {
  const bars = summarise(results, 'memory').map(({ server, rss, rssAnon }) => {
    const whole = { figure: rss.figure / 1024, min: rss.min / 1024, max: rss.max / 1024 }
    return { server, whole, solid: rssAnon.figure / 1024 }
  })
  return { title: findScenario('memory').title, unit: 'MiB', bars }
}

function idleGroup(results: Results): Group {
  const bars = results.servers.map((server) => {
    const whole = idleCpu(results, server)
    return { server, whole, solid: whole.figure }
  })
  return { title: 'Idle, after serving: CPU a second', unit: 'ms', bars }
}

/** Each group has its own scale: a miss costs several times what a hit costs. */
function renderGroup({ title, unit, bars }: Group, top: number): string {
  // Nobody may have used any CPU while idle.
  const scale = BARS / Math.max(0.01, ...bars.map(({ whole }) => whole.max))
  const rows = bars.map((row, i) => renderRow(row, top + TITLE_HEIGHT + i * ROW_HEIGHT, scale))
  const heading = escapeXml(`${title} (${unit})`)
  return [`<text class="group" x="8" y="${top + 18}">${heading}</text>`, ...rows].join('\n')
}

function renderRow({ server, whole, solid }: Bar, top: number, scale: number): string {
  const kind = server.startsWith('dnslet') ? 'own' : 'peer'
  // The medians of the parts need not add up to the median of the whole: the whole is drawn.
  const first = Math.min(solid, whole.figure) * scale
  const length = whole.figure * scale
  const middle = top + BAR_HEIGHT / 2
  return [
    text(LABELS - 8, middle + 5, server, 'end'),
    bar(LABELS, top, first, kind),
    bar(LABELS + first, top, length - first, `${kind} rest`),
    `<line class="range" x1="${px(LABELS + whole.min * scale)}" x2="${px(LABELS + whole.max * scale)}" y1="${middle}" y2="${middle}"/>`,
    text(LABELS + BARS + 10, middle + 5, caption(whole), 'start'),
  ].join('')
}

function bar(x: number, y: number, width: number, kind: string): string {
  return `<rect class="${kind}" x="${px(x)}" y="${y}" width="${px(width)}" height="${BAR_HEIGHT}"/>`
}

function text(x: number, y: number, content: string, anchor: 'start' | 'end'): string {
  return `<text x="${x}" y="${y}" text-anchor="${anchor}">${escapeXml(content)}</text>`
}

function caption({ figure, min, max }: Spread): string {
  return `${figure.toFixed(2)} (${min.toFixed(2)}–${max.toFixed(2)})`
}

function describe(groups: readonly Group[]): string {
  return groups
    .map(({ title, unit, bars }) => {
      const values = bars.map(({ server, whole }) => `${server} ${whole.figure.toFixed(2)} ${unit}`)
      return `${title}: ${values.join(', ')}.`
    })
    .join(' ')
}

function px(value: number): string {
  return value.toFixed(1)
}

function escapeXml(content: string): string {
  return content.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;')
}
