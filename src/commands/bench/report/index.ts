import type { BenchResult } from '../../../load/result.ts'
import { hashOf, readAssets } from './assets.ts'
import { chartScript } from './charts.ts'
import { distribution } from './distribution.ts'
import { Html, inlineJson, markup } from './html.ts'
import { meaning, settings } from './meaning.ts'
import { counted, duration, moment } from './numbers.ts'
import { remediesTable } from './remedies.ts'
import { style } from './style.ts'
import { latencyTable, wireTable } from './tables.ts'
import { verdictOf } from './verdict.ts'

/**
 * The report of a run as one HTML page that asks nobody for anything: style, scripts and figures are in it, and its
 * policy forbids everything else. Verdict, tables and distribution need no JavaScript; latency over time does. The
 * figures are in it as `dnslet bench --json` prints them (`#result`).
 *
 * @throws where uPlot is not installed
 */
export function renderReport(result: BenchResult): string {
  const assets = readAssets()
  const rules = assets.style + style
  const program = `${assets.script}\n${chartScript()}`
  return markup`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta http-equiv="Content-Security-Policy" content="${policy(program, rules)}" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="referrer" content="no-referrer" />
        <link rel="icon" href="data:," />
        <title>DNS look-ups, ${moment(result.startedAt)}</title>
        <style>${new Html(rules)}</style>
      </head>
      <body>
        ${head(result)}
        ${body(result)}
        <script type="application/json" id="result">${inlineJson(result)}</script>
        <script>${new Html(program)}</script>
      </body>
    </html>`.text
}

function policy(program: string, rules: string): string {
  const sources = [
    "default-src 'none'",
    `script-src ${hashOf(program)}`,
    `style-src ${hashOf(rules)}`,
    'img-src data:',
    "base-uri 'none'",
    "form-action 'none'",
  ]
  return sources.join('; ')
}

function head(result: BenchResult): Html {
  const { kind, headline, findings } = verdictOf(result)
  const { concurrency, seconds, hosts, hostCount } = result.options
  const names = hostCount === 1 ? (hosts[0] ?? '') : counted(hostCount, 'host')
  const runs = result.runs.length === 1 ? 'one run' : counted(result.runs.length, 'run')
  return markup`<header class="${kind}">
    <p class="what">dnslet bench: ${names}, ${moment(result.startedAt)}</p>
    <h1>${headline}</h1>
    ${findings.map((finding) => markup`<p>${finding}</p>`)}
    <p class="soft">
      ${runs} of ${duration(seconds * 1000)}, ${counted(concurrency, 'look-up')} at a time
    </p>
  </header>`
}

function body(result: BenchResult): Html {
  return markup`<main>
    <h2>Figures</h2>
    ${latencyTable(result)}
    <h2>How many took how long</h2>
    <p class="soft">
      Read it from the right: where a line meets the height of 1 in 1,000, one of 1,000 look-ups
      took so long or longer. A step at 5 s is a packet that was lost.
    </p>
    ${distribution(result)}
    <h2>Remedies</h2>
    ${remediesTable(result.runs)}
    <p class="soft">
      A node-local cache may answer at the Service's own address too, which cannot be seen from
      here: <code>dnslet doctor</code> on the node tells.
    </p>
    <h2>Latency over time</h2>
    <p class="soft">
      Over the seconds each run was measured: where there are several, they take turns. All have the
      same scales.
    </p>
    <noscript><p>These charts need JavaScript; everything else on this page does not.</p></noscript>
    <div id="charts"></div>
    <h2>On the wire</h2>
    ${wireTable(result)}
    <h2>What the numbers mean</h2>
    ${meaning(result)}
    <h2>How it was measured</h2>
    ${settings(result)}
  </main>`
}
