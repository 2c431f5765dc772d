import { SLOW_UPSTREAM_MS } from '../../admin/thresholds.ts'
import { printable } from '../../lib/printable.ts'
import { bytes, duration, integer, percent, rate, sparkline } from './figures.ts'
import type { Frequent, Snapshot } from './snapshot.ts'

export interface Size {
  readonly columns: number
  /** Infinity where nothing ends the page: lists have ten entries then. */
  readonly rows: number
}

/** A line of the screen; headings stand out. */
export interface Line {
  readonly text: string
  readonly isHeading: boolean
}

/** What there is room for. */
const LEAST: Size = { columns: 24, rows: 6 }
/** From here on two lists stand side by side. */
const TWO_COLUMNS = 72
const GAP = 2
const PLAIN_ENTRIES = 10

interface Section {
  readonly title: string
  readonly head: string
  readonly rows: readonly Cells[]
}

/** What is cut where it is too long, and what stands at the right. */
interface Cells {
  readonly left: string
  readonly right: string
}

/**
 * A page of this size, without anything that a terminal would obey: whatever others have written in it is
 * spelt in ASCII.
 *
 * @param problem why the figures are old; null where they are not
 */
export function drawTop(shown: Snapshot, { columns, rows }: Size, problem: string | null): Line[] {
  const width = Math.max(columns, LEAST.columns)
  const height = Math.max(rows, LEAST.rows)
  const head = headOf(shown, problem).map((text) => plain(cut(text, width)))
  const sections = [
    frequent(`NAMES since ${shown.since.slice(11, 16)}`, shown.names),
    frequent('NXDOMAIN', shown.nxdomainNames),
    frequent('CLIENTS', shown.clients),
    upstreams(shown),
  ]
  const perRow = width >= TWO_COLUMNS ? 2 : 1
  const bands = Array.from({ length: sections.length / perRow }, (_, i) =>
    sections.slice(i * perRow, (i + 1) * perRow),
  )
  const entries = divide(
    height - head.length - 2 * bands.length,
    bands.map((band) => Math.max(...band.map((section) => section.rows.length))),
  )
  const body = bands.flatMap((band, i) => [plain(''), ...drawBand(band, width, entries[i]!)])
  return [...head, ...body].slice(0, height)
}

/** Lines for each band: what one does not need is for the others. */
function divide(room: number, needs: readonly number[]): number[] {
  if (room === Infinity) return needs.map((need) => Math.min(need, PLAIN_ENTRIES))
  const given = needs.map(() => 0)
  let left = room
  const fewestFirst = needs.map((_, i) => i).toSorted((a, b) => needs[a]! - needs[b]!)
  fewestFirst.forEach((band, done) => {
    given[band] = Math.max(0, Math.min(needs[band]!, Math.floor(left / (needs.length - done))))
    left -= given[band]
  })
  return given
}

function headOf(shown: Snapshot, problem: string | null): string[] {
  const { version, node, pid, upSeconds, at, history, historySeconds } = shown
  const who = `dnslet ${version}${node === '' ? '' : ` on ${node}`}, process ${pid}, up ${duration(upSeconds)}`
  const graph = `${sparkline(history)} ${history.length * historySeconds} s, peak ${rate(Math.max(...history))}/s`
  return [
    `${who}, ${at.slice(11, 19)} UTC`,
    problem ?? stateOf(shown),
    ...troubleOf(shown),
    `Queries   ${rate(shown.queriesPerSecond)}/s   hits ${percent(shown.hitRatio)}${staleText(shown)}${history.length === 0 ? '' : `   ${graph}`}`,
    `Latency   ${latencyText(shown)}`,
    `Rcodes    ${sharesText(shown.rcodes)}`,
    `Clients   ${clientsText(shown)}`,
    `Cache     ${cacheText(shown)}`,
  ]
}

function stateOf({ interception, notReady }: Snapshot): string {
  const { addresses, reason, rules, state } = interception
  const through = state === 'none' ? '' : ` (${interception.interface}, ${rules})`
  const led = state === 'none' ? 'Intercepts nothing' : `Interception is ${state}${through}`
  const where = state === 'active' ? `: ${addresses.join(' ')}` : ''
  const why = state !== 'none' && reason !== null ? `: ${reason}` : ''
  const ready = notReady.length === 0 ? '' : `. Not ready: ${notReady.join('; ')}`
  return `${led}${where}${why}${ready}`
}

/** In a line each, for lists may be cut, or below the last line. */
function troubleOf({ refusedCorefile, refusedKubeDns, upstreams: all }: Snapshot): string[] {
  const corefile = refusedCorefile === null ? [] : [`Corefile refused: ${refusedCorefile}`]
  const kubeDns =
    refusedKubeDns === null
      ? []
      : [`kube-dns ConfigMap refused: ${refusedKubeDns.replace(/^Invalid config: /, '')}`]
  const [first, ...others] = all.filter(({ problem }) => problem !== null)
  const more = others.length === 0 ? '' : `, and ${others.length} more`
  const dead =
    first === undefined
      ? []
      : [`upstream ${first.address} ${first.transport}: ${first.problem}${more}`]
  const slow = all
    .filter(({ problem, rttMs }) => problem === null && (rttMs ?? 0) >= SLOW_UPSTREAM_MS)
    .map(({ address, rttMs }) => `${address} takes ${figure(rttMs)} ms`)
  const late = slow.length === 0 ? [] : [`slow upstreams: ${slow.join(', ')}`]
  return [...corefile, ...kubeDns, ...dead, ...late].map((trouble) => `Trouble   ${trouble}`)
}

function staleText({ staleRatio }: Snapshot): string {
  return staleRatio === null || staleRatio === 0 ? '' : `, expired ${percent(staleRatio)}`
}

function latencyText({ latencyMs }: Snapshot): string {
  if (latencyMs === null) return '-'
  const { p50, p90, p99 } = latencyMs
  return `p50 ${within(p50)}   p90 ${within(p90)}   p99 ${within(p99)}`
}

/** A bucket's upper bound is all that is known. */
function within(ms: number): string {
  return ms === Infinity ? 'more than 8 s' : `<=${ms < 1000 ? `${ms} ms` : duration(ms / 1000)}`
}

function sharesText(shares: Snapshot['rcodes']): string {
  if (shares.length === 0) return '-'
  return shares.map(({ name, share }) => `${name} ${percent(share)}`).join('   ')
}

function clientsText({ secondsSinceLastClientQuery: ago, sources }: Snapshot): string {
  const last = ago === null ? 'nobody has asked yet' : `last query ${duration(ago)} ago`
  return sources.length === 0 ? last : `${sharesText(sources)}   ${last}`
}

function cacheText({ cache }: Snapshot): string {
  const { success, denial } = cache
  const of = (fill: typeof success): string =>
    `${integer(fill.entries)} of ${integer(fill.capacity)}`
  const size = `${bytes(cache.bytes)} of ${bytes(cache.limitBytes)}`
  return `${of(success)} answers   ${of(denial)} denials   ${size}`
}

function frequent(title: string, entries: readonly Frequent[]): Section {
  return {
    title,
    head: `${'/s'.padStart(6)} share`,
    rows: entries.map(({ name, pod, share, perSecond }) => ({
      left: pod === '' ? name : `${name} ${pod}`,
      right: `${rate(perSecond).padStart(6)} ${percent(share).padStart(5)}`,
    })),
  }
}

function upstreams({ upstreams: all }: Snapshot): Section {
  return {
    title: 'UPSTREAMS',
    head: `${'conns'.padStart(5)} ${'waits'.padStart(5)} ${'rtt ms'.padStart(7)}`,
    rows: all.map(({ address, transport, connections, inFlight, rttMs, problem }) => ({
      left: `${address} ${transport}`,
      right:
        problem === null
          ? `${integer(connections).padStart(5)} ${integer(inFlight).padStart(5)} ${figure(rttMs).padStart(7)}`
          : problem,
    })),
  }
}

function figure(ms: number | null): string {
  return ms === null ? '-' : ms.toFixed(ms < 10 ? 1 : 0)
}

function drawBand(band: readonly Section[], width: number, entries: number): Line[] {
  const each = Math.floor((width - GAP * (band.length - 1)) / band.length)
  const gap = ' '.repeat(GAP)
  const across = (cells: (section: Section) => Cells | undefined): string =>
    band
      .map((section) => fit(cells(section), each))
      .join(gap)
      .trimEnd()
  const heading = across(({ title, head }) => ({ left: title, right: head }))
  const rows = Array.from({ length: entries }, (_, i) =>
    plain(across((section) => section.rows[i])),
  )
  return [{ text: heading, isHeading: true }, ...rows]
}

/** Where both are too long the right cell has half of the width. */
function fit(cells: Cells | undefined, width: number): string {
  if (cells === undefined) return ' '.repeat(width)
  const right = cut(cells.right, Math.max(width - cells.left.length - 1, Math.floor(width / 2)))
  const left = cut(cells.left, width - right.length - 1)
  return `${left.padEnd(width - right.length)}${right}`
}

function plain(text: string): Line {
  return { text, isHeading: false }
}

function cut(text: string, width: number): string {
  const all = narrow(text)
  return all.length <= width ? all : `${all.slice(0, Math.max(0, width - 1))}…`
}

/** In characters that take one column each. Those of sparklines do too. */
function narrow(text: string): string {
  return printable(text).replaceAll(/[^ -~▁-█]/gu, '?')
}
