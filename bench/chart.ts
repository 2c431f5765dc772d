import { findScenario } from './scenario.ts'
import type { Results } from './sample.ts'
import { measuredScenarios, summarise, type Summary } from './summary.ts'

const WIDTH = 760
const LABELS = 130
const VALUES = 170
const BARS = WIDTH - LABELS - VALUES
const HEADER = 74
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
  .system { opacity: .5 }
  .range { stroke: #1f2328; stroke-width: 1.5 }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 }
    .note { fill: #9198a1 }
    .own { fill: #4493f8 }
    .range { stroke: #e6edf3 }
  }`

/** A bar chart (SVG) of the CPU time per query, by scenario and server. */
export function renderChart(results: Results): string {
  const groups = measuredScenarios(results).map((scenario) => ({
    title: findScenario(scenario).title,
    summaries: summarise(results, scenario),
  }))
  let top = HEADER
  const parts: string[] = []
  for (const { title, summaries } of groups) {
    parts.push(renderGroup(title, summaries, top))
    top += groupHeight(summaries.length)
  }
  const title = 'CPU time per query (µs, less is better)'
  const note = `Rounds: ${results.rounds}. Median, user time solid and system time pale; line: minimum to maximum. Each group has its own scale.`
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${top}" role="img" aria-labelledby="title desc">
<title id="title">${title}</title>
<desc id="desc">${escapeXml(describe(groups))}</desc>
<style>${style}
</style>
<text class="title" x="8" y="28">${title}</text>
<text class="note" x="8" y="50">${note}</text>
${parts.join('\n')}
</svg>
`
}

interface Group {
  readonly title: string
  readonly summaries: readonly Summary[]
}

function groupHeight(rows: number): number {
  return TITLE_HEIGHT + rows * ROW_HEIGHT + GROUP_GAP
}

/** Each group has its own scale: a miss costs several times what a hit costs. */
function renderGroup(title: string, summaries: readonly Summary[], top: number): string {
  const largest = Math.max(...summaries.map(({ cpu }) => cpu.max))
  const rows = summaries.map((summary, row) =>
    renderRow(summary, top + TITLE_HEIGHT + row * ROW_HEIGHT, BARS / largest),
  )
  return [`<text class="group" x="8" y="${top + 18}">${escapeXml(title)}</text>`, ...rows].join(
    '\n',
  )
}

function renderRow(summary: Summary, top: number, scale: number): string {
  const { server, cpu, userCpu } = summary
  const kind = server.startsWith('dnslet') ? 'own' : 'peer'
  // The medians of the parts need not add up to the median of the whole: the whole is drawn.
  const user = Math.min(userCpu, cpu.median) * scale
  const whole = cpu.median * scale
  const middle = top + BAR_HEIGHT / 2
  return [
    text(LABELS - 8, middle + 5, server, 'end'),
    bar(LABELS, top, user, kind),
    bar(LABELS + user, top, whole - user, `${kind} system`),
    `<line class="range" x1="${px(LABELS + cpu.min * scale)}" x2="${px(LABELS + cpu.max * scale)}" y1="${middle}" y2="${middle}"/>`,
    text(LABELS + BARS + 10, middle + 5, caption(summary), 'start'),
  ].join('')
}

function bar(x: number, y: number, width: number, kind: string): string {
  return `<rect class="${kind}" x="${px(x)}" y="${y}" width="${px(width)}" height="${BAR_HEIGHT}"/>`
}

function text(x: number, y: number, content: string, anchor: 'start' | 'end'): string {
  return `<text x="${x}" y="${y}" text-anchor="${anchor}">${escapeXml(content)}</text>`
}

function caption({ cpu }: Summary): string {
  return `${cpu.median.toFixed(2)} (${cpu.min.toFixed(2)}–${cpu.max.toFixed(2)})`
}

function describe(groups: readonly Group[]): string {
  return groups
    .map(({ title, summaries }) => {
      const values = summaries.map(({ server, cpu }) => `${server} ${cpu.median.toFixed(2)} µs`)
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
