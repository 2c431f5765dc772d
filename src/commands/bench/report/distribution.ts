import type { BenchResult, Run } from '../../../load/result.ts'
import { markup, type Html } from './html.ts'
import { type Look, looksOf } from './looks.ts'
import { count, duration } from './numbers.ts'

/** A drawing's measures, in CSS pixels at its natural size. */
interface Size {
  readonly name: 'wide' | 'narrow'
  readonly width: number
  readonly height: number
}

const SIZES: readonly Size[] = [
  { name: 'wide', width: 920, height: 380 },
  { name: 'narrow', width: 358, height: 330 },
]
const LEFT = 82
const RIGHT = 22
const TOP = 18
const BOTTOM = 48
/** Milliseconds: what is faster is drawn here. */
const FASTEST = 0.01
/** Pixels that the name of a decade takes. */
const LABEL = 54

/** Both axes: logarithms of milliseconds, and of the share of look-ups that took at least so long. */
interface Axes {
  readonly x: (ms: number) => number
  readonly y: (share: number) => number
  readonly firstDecade: number
  readonly lastDecade: number
  /** The smallest share is 10 to the power of minus this. */
  readonly depth: number
}

/**
 * For each latency, how many look-ups took at least so long, all runs over each other. Drawn once for screens and
 * paper and once for phones; needs no script. Nothing where no run has a request.
 */
export function distribution(result: BenchResult): Html {
  const looks = looksOf(result.runs)
  const runs = result.runs
    .map((run, i) => ({ run, look: looks[i] ?? '' }))
    .filter(({ run }) => run.requests > 0)
  if (runs.length === 0) return markup``
  const legend = runs.map(
    ({ run, look }) => markup`<li><i class="key ${look}"></i>${run.label}</li>`,
  )
  return markup`<figure>
    ${SIZES.map((size) => drawing(size, runs, result.options.limitMs))}
    <figcaption>
      <ul class="legend">
        ${legend}
      </ul>
    </figcaption>
  </figure>`
}

interface Drawn {
  readonly run: Run
  readonly look: Look
}

function drawing(size: Size, runs: readonly Drawn[], limitMs: number): Html {
  const axes = axesOf(size, runs, limitMs)
  const limit = axes.x(limitMs).toFixed(1)
  const end = size.height - BOTTOM
  return markup`<svg class="${size.name}" viewBox="0 0 ${size.width} ${size.height}" role="img">
    <title>Share of look-ups by latency, both on logarithmic scales</title>
    ${rulers(size, axes)}
    <line class="limit" x1="${limit}" x2="${limit}" y1="${TOP}" y2="${end}" />
    <text class="limit" x="${limit}" y="${TOP - 6}" text-anchor="middle">
      limit ${duration(limitMs)}
    </text>
    ${runs.map(({ run, look }) => curve(run, look, axes, end))}
  </svg>`
}

function axesOf({ width, height }: Size, runs: readonly Drawn[], limitMs: number): Axes {
  const fastest = Math.max(
    FASTEST,
    Math.min(...runs.map(({ run }) => run.latency?.min ?? limitMs), limitMs),
  )
  const slowest = Math.max(...runs.map(({ run }) => run.latency?.max ?? limitMs), limitMs)
  const firstDecade = Math.floor(Math.log10(fastest))
  const lastDecade = Math.max(firstDecade + 1, Math.ceil(Math.log10(slowest * 1.01)))
  const most = Math.max(...runs.map(({ run }) => run.requests))
  const depth = Math.max(1, Math.ceil(Math.log10(most)))
  const across = (width - LEFT - RIGHT) / (lastDecade - firstDecade)
  const down = (height - TOP - BOTTOM) / depth
  return {
    x: (ms) => LEFT + (Math.log10(Math.max(ms, 10 ** firstDecade)) - firstDecade) * across,
    y: (share) => TOP + Math.min(depth, -Math.log10(share)) * down,
    firstDecade,
    lastDecade,
    depth,
  }
}

function rulers({ width, height }: Size, axes: Axes): Html[] {
  const [right, bottom] = [width - RIGHT, height - BOTTOM]
  const lines = []
  // Where there is little room, every second decade has its name.
  const isNarrow = axes.x(10 ** axes.lastDecade) - axes.x(10 ** (axes.lastDecade - 1)) < LABEL
  for (let decade = axes.firstDecade; decade <= axes.lastDecade; decade++) {
    const x = axes.x(10 ** decade).toFixed(1)
    const name = isNarrow && (axes.lastDecade - decade) % 2 === 1 ? '' : duration(10 ** decade)
    lines.push(
      markup`<line x1="${x}" x2="${x}" y1="${TOP}" y2="${bottom}" />
        <text x="${x}" y="${bottom + 20}" text-anchor="middle">${name}</text>`,
    )
  }
  for (let power = 0; power <= axes.depth; power++) {
    const y = axes.y(10 ** -power).toFixed(1)
    const text =
      power === 0
        ? 'all'
        : `1 in ${power < 6 ? count(10 ** power) : `${count(10 ** (power - 6))} M`}`
    lines.push(
      markup`<line x1="${LEFT}" x2="${right}" y1="${y}" y2="${y}" />
        <text x="${LEFT - 8}" y="${y}" dy="4" text-anchor="end">${text}</text>`,
    )
  }
  lines.push(
    markup`<text x="${(LEFT + right) / 2}" y="${height - 4}" text-anchor="middle">
      took this long or longer
    </text>`,
  )
  return lines
}

/** From all requests at the fastest down to one at the slowest, and then to the ground. */
function curve(run: Run, look: Look, axes: Axes, ground: number): Html {
  const slowest = run.latency?.max ?? 0
  const points = [point(axes.x(run.latency?.min ?? FASTEST), axes.y(1))]
  let left = run.requests
  for (const { upperMs, count: requests } of run.histogram) {
    if (requests === 0 && left === run.requests) continue
    left -= requests
    if (left <= 0) break
    points.push(point(axes.x(upperMs), axes.y(left / run.requests)))
  }
  const end = axes.x(slowest)
  points.push(point(end, axes.y(1 / run.requests)), point(end, ground))
  return markup`<polyline class="${look}" points="${points.join(' ')}">
    <title>${run.label}</title>
  </polyline>`
}

function point(x: number, y: number): string {
  return `${x.toFixed(1)},${y.toFixed(1)}`
}
