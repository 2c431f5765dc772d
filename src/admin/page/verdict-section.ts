import type { Status, Traffic } from '../api.ts'
import { lastSeconds, quantile, share } from './figures.ts'
import type { Finding } from './finding.ts'
import { findingsOf, stateOf, WINDOW_S } from './findings.ts'
import { bytes, count, counted, digits, duration, firstOf, names } from './format.ts'
import { markup, type Markup } from './markup.ts'
import { bar, icon, shareText } from './parts.ts'

const MOST_FINDINGS = 8
const MOST_ADDRESSES = 4

export interface Verdict {
  readonly state: 'well' | 'notice' | 'problem'
  /** In a few words, for the title of the page. */
  readonly headline: string
  readonly findings: readonly Finding[]
}

/** What the page says on top. */
export function verdictOf(data: { readonly status: Status; readonly traffic: Traffic }): Verdict {
  const findings = findingsOf(data)
  const problems = findings.filter(({ level }) => level === 'problem').length
  if (problems > 0)
    return { state: 'problem', headline: counted(problems, 'problem', 'problems'), findings }
  if (findings.length === 0) return { state: 'well', headline: 'All is well', findings }
  const { notReady } = data.status
  const works = `Works, with ${counted(findings.length, 'notice', 'notices')}`
  return { state: 'notice', headline: notReady.length > 0 ? 'Not ready yet' : works, findings }
}

/** The gravest problem is the heading itself, and what else there is stands below. */
export function verdictSection(verdict: Verdict, status: Status, traffic: Traffic): Markup {
  const { state, headline, findings } = verdict
  const first = state === 'problem' ? findings[0]! : null
  const { shown, more } = firstOf(first === null ? findings : findings.slice(1), MOST_FINDINGS)
  return markup`<section id="verdict" class="${state}" aria-labelledby="verdict-title" data-part>
<h2 id="verdict-title">${icon(state)} ${first === null ? headline : linked(first)}</h2>
${first === null ? null : detailOf(first)}<p>${inShort(status, traffic)}</p>
${shown.length === 0 ? null : markup`<ul>${shown.map(findingItem)}</ul>`}${more === 0 ? null : markup`<p>and ${more} more</p>`}</section>
`
}

function findingItem(finding: Finding): Markup {
  const kind = finding.level === 'problem' ? 'Problem' : 'Notice'
  return markup`<li>${icon(finding.level)}<div><p><strong>${kind}:</strong> ${linked(finding)}</p>${detailOf(finding)}</div></li>`
}

function linked({ what, section }: Finding): Markup {
  return markup`<a href="#${section}"><bdi>${what}</bdi></a>`
}

function detailOf({ detail }: Finding): Markup | null {
  return detail === '' ? null : markup`<p class="detail"><bdi>${detail}</bdi></p>`
}

/** Where queries come in, and how they fare. */
function inShort(status: Status, traffic: Traffic): string {
  const { interception, listeners } = status
  const { addresses } = interception
  const state = stateOf(status)
  const last = lastSeconds(traffic, WINDOW_S)
  const all = names(
    state === 'none' ? listeners.map(({ address }) => address) : addresses,
    MOST_ADDRESSES,
  )
  if (state !== 'active' && state !== 'none')
    return `kube-dns answers this node. dnslet has answered ${counted(last.queries, 'query', 'queries')} in the last minute.`
  const where =
    state === 'active'
      ? `Queries of this node to ${all} come here`
      : `Queries to ${all} are answered`
  // Of the first seconds there are no figures yet.
  if (last.seconds === 0 && status.totals.queries > 0)
    return `${where}: ${counted(status.totals.queries, 'query', 'queries')} so far.`
  if (last.queries === 0) return `${where}; none has come in the last minute.`
  const hits = shareText(share(last.hits, last.queries))
  return `${where}: ${counted(last.queries, 'query', 'queries')} in the last minute, ${hits} answered from the cache.`
}

/** The figures that one wants first. */
export function tilesSection(status: Status, traffic: Traffic): Markup {
  const { totals, memory } = status
  const last = lastSeconds(traffic, WINDOW_S)
  const within = (q: number): string => {
    const bound = quantile(last.latency, traffic.bounds, q)
    if (bound === null) return '–'
    const widest = traffic.bounds.at(-1) ?? 0
    return bound === Infinity ? `> ${duration(widest * 1_000)}` : `≤ ${duration(bound * 1_000)}`
  }
  let [waiting, connections] = [0, 0]
  for (const { upstreams } of status.blocks)
    for (const upstream of upstreams) {
      waiting += upstream.inFlight
      connections += upstream.connections
    }
  const peak =
    traffic.steps.reduce((most, { queries }) => Math.max(most, queries), 0) / traffic.stepSeconds
  return markup`<section id="figures" aria-label="Figures of the last minute" data-part><dl class="tiles">
${tile('Queries per second', digits(last.seconds > 0 ? last.queries / last.seconds : 0), `${digits(peak)} at most, ${count(totals.queries)} in all`)}
${tile('From the cache', shareText(share(last.hits, last.queries)), `${shareText(share(totals.hits, totals.hits + totals.misses))} in all, ${counted(totals.staleServed, 'stale answer', 'stale answers')}`)}
${tile('Latency, p50', within(0.5), `p99 ${within(0.99)}`)}
${tile('Failures', shareText(share(last.failures, last.answers)), `${count(last.failures)} of ${count(last.answers)} answers`)}
${tile('Waiting for upstreams', count(waiting), `queries, over ${counted(connections, 'connection', 'connections')}`)}
${tile('Memory', bytes(memory.rssBytes), markup`cache ${bytes(memory.cacheBytes)} of ${bytes(memory.cacheLimitBytes)} ${bar(memory.cacheLimitBytes > 0 ? memory.cacheBytes / memory.cacheLimitBytes : 0)}`)}
</dl></section>
`
}

function tile(name: string, value: string, note: string | Markup): Markup {
  return markup`<div><dt>${name}</dt><dd>${value}</dd><dd class="note">${note}</dd></div>`
}
