import { createHash } from 'node:crypto'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { SeenQuery, Status, Top, Traffic } from '../api.ts'
import { answersSection } from './answers-section.ts'
import { age, between, time } from './format.ts'
import { markup, Markup } from './markup.ts'
import { script } from './script.ts'
import { queriesSection, topSection } from './seen-sections.ts'
import {
  blocksSection,
  interceptionSection,
  logSection,
  processSection,
  upstreamsSection,
} from './state-sections.ts'
import { style } from './style.ts'
import { trafficSection } from './traffic-section.ts'
import { tilesSection, verdictOf, type Verdict, verdictSection } from './verdict-section.ts'

export interface PageData {
  readonly status: Status
  readonly traffic: Traffic
  /** Null where names are not counted. */
  readonly top: Top | null
  /** The newest first; null for one that was neither slow nor a failure. */
  readonly queries: readonly (SeenQuery | null)[]
}

/** Seconds between two looks of a browser without JavaScript. */
const RELOAD_S = 15

/** Octets for a page, more than nearly all have: what is not written takes no memory. */
const ROOM = 2 ** 18
/** Of a UTF-16 unit in UTF-8. */
const MOST_OCTETS = 3

const hashOf = (text: string): string =>
  `sha256-${createHash('sha256').update(text).digest('base64')}`

/**
 * Nothing is loaded from anywhere, and of scripts and styles only these two count: names that got past
 * the escaping would still do nothing. The sign of a tab is in its own URL.
 */
export const contentPolicy: string = [
  `default-src 'none'`,
  `style-src '${hashOf(style)}'`,
  `script-src '${hashOf(script)}'`,
  `connect-src 'self'`,
  `img-src data:`,
  `base-uri 'none'`,
  `form-action 'none'`,
].join('; ')

/** Tells a page of another version, for whose parts this one has no style. */
const revision = hashOf(style + script).slice(7, 19)

/**
 * The status page: whole, in HTML, of bounded size whatever there is to show. It is made piece by piece,
 * in turns of the event loop: queries are answered in between, and no text outlives the next few. All go
 * into one buffer: copies would lie about until the next collection.
 */
export async function renderPage(data: PageData): Promise<Buffer> {
  let octets = Buffer.allocUnsafeSlow(ROOM)
  let end = 0
  for (const { html } of pieces(data)) {
    const most = end + MOST_OCTETS * html.length
    if (most > octets.length) octets = Buffer.concat([octets], 2 * most)
    end += octets.write(html, end)
    await nextTurn()
  }
  return octets.subarray(0, end)
}

function* pieces({ status, traffic, top, queries }: PageData): Generator<Markup> {
  const verdict = verdictOf({ status, traffic })
  yield head(verdict, status)
  yield markup`${pageHeader(status)}
<main>
<p id="lost" role="status" hidden>This page could not be refreshed: its figures are from the time above. It goes on trying.</p>
${verdictSection(verdict, status, traffic)}${tilesSection(status, traffic)}`
  yield* trafficSection(status, traffic)
  yield markup`<div class="side">${answersSection(status, traffic)}${interceptionSection(status)}${processSection(status)}</div>
`
  yield upstreamsSection(status)
  yield queriesSection(queries, status.now)
  yield logSection(status)
  yield topSection(top, status.now)
  yield blocksSection(status)
  yield markup`</main>
<footer><nav aria-label="More">As JSON: <a href="v1/status">status</a>, <a href="v1/traffic">traffic</a>, <a href="v1/top">most frequent</a>, <a href="v1/queries">last queries</a>. For Prometheus: <a href="metrics">metrics</a>.</nav></footer>
<p id="spoken" class="skip" role="status"></p>
<script>${new Markup(script)}</script>
</body>
</html>
`
}

function head(verdict: Verdict, status: Status): Markup {
  return markup`${new Markup('<!doctype html>')}
<html lang="en" data-revision="${revision}">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${contentPolicy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<title>${titleOf(verdict, status)}</title>
<link rel="icon" href="${favicon(verdict.state)}">
<noscript><meta http-equiv="refresh" content="${RELOAD_S}"></noscript>
<style>${new Markup(style)}</style>
</head>
<body>
<a class="skip" href="#verdict">To the verdict</a>
`
}

function pageHeader({ node, version, startedAt, now }: Status): Markup {
  return markup`<header><h1>dnslet${node === '' ? null : markup` on <bdi>${node}</bdi>`}</h1>
<p id="age" data-part>${version}, up ${age(between(startedAt, now))}, as of ${time(now, now)} UTC</p>
<p class="updates"><noscript>Reloads every ${RELOAD_S} seconds.</noscript><button type="button" id="pause" hidden>Pause updates</button></p></header>`
}

function titleOf({ headline }: Verdict, { node }: Status): string {
  return `${headline} · ${node === '' ? 'dnslet' : `${node} · dnslet`}`
}

const SIGNS = {
  well: `<circle cx='8' cy='8' r='7' fill='%231a7f37'/>`,
  notice: `<path d='M8 1 0 15h16z' fill='%23d4a72c'/>`,
  problem: `<path d='M1 1h14v14H1z' fill='%23cf222e'/>`,
} as const

/** The state as the sign of the tab: a circle, a triangle or a square. */
function favicon(state: Verdict['state']): string {
  return `data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'>${SIGNS[state]}</svg>`
}
