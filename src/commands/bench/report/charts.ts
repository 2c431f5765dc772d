import type { BenchResult, Run } from '../../../load/result.ts'

// What a browser has, as far as it is used here: this project's types are those of Node.js.
interface Box {
  readonly clientWidth: number
  textContent: string | null
  append(...children: readonly (Box | string)[]): void
}

interface Plot {
  readonly ctx: {
    strokeStyle: string
    lineWidth: number
    save(): void
    restore(): void
    setLineDash(dashes: readonly number[]): void
    beginPath(): void
    moveTo(x: number, y: number): void
    lineTo(x: number, y: number): void
    stroke(): void
  }
  readonly bbox: { readonly left: number; readonly width: number }
  valToPos(value: number, scale: string, canvas: boolean): number
  setSize(size: { width: number; height: number }): void
  redraw(paths: boolean): void
}

/** A column of figures; null where there is none. */
type Column = (number | null)[]

/** What all charts of a page have in common: both axes from end to end, and the limit. */
export interface Frame {
  readonly x: readonly [number, number]
  readonly y: readonly [number, number]
  readonly limitMs: number
}

declare const document: {
  readonly documentElement: Box
  getElementById(id: string): Box
  createElement(name: string): Box
}
declare const uPlot: new (options: object, data: readonly unknown[], box: Box) => Plot
declare function getComputedStyle(box: Box): { getPropertyValue(name: string): string }
declare function addEventListener(event: string, listener: () => void): void
declare function matchMedia(query: string): { addEventListener: typeof addEventListener }
declare class ResizeObserver {
  constructor(changed: () => void)
  observe(box: Box): void
}

/**
 * The script of the report's page: these functions as they are written here, and a call of the last. They know each
 * other and the browser, and nothing else of this file or of others.
 */
export function chartScript(): string {
  const parts = [inMs, colour, columnsOf, frameOf, limitLine, axesOf, seriesOf, drawRun, drawCharts]
  return `'use strict'\n${parts.map(String).join('\n')}\ndrawCharts()`
}

function inMs(value: number | null): string {
  if (value === null) return '–'
  return value < 1000
    ? `${Number(value.toPrecision(3))} ms`
    : `${Number((value / 1000).toPrecision(3))} s`
}

/** A colour of the page's rules, looked up at each drawing: light and dark change. */
function colour(name: string): () => string {
  return () => getComputedStyle(document.documentElement).getPropertyValue(name)
}

/**
 * Seconds this run had been measured, p50, p99, max, the latter again where requests were over the limit, and the
 * second of the whole. Runs that take turns are drawn without the turns of others, and no line leads over those. Zero
 * has no place on a logarithmic scale.
 */
export function columnsOf({ timeline, stepSeconds }: Run): Column[] {
  const rows: Column[] = []
  let [next, at] = [Infinity, 0]
  for (const { second, p50, p99, max, overLimit } of timeline) {
    if (second > next + stepSeconds / 2) rows.push([at, null, null, null, null, null])
    const top = Math.max(0.01, max)
    const over = overLimit > 0 ? top : null
    rows.push([at, Math.max(0.01, p50), Math.max(0.01, p99), top, over, second])
    at += stepSeconds
    next = second + stepSeconds
  }
  return [0, 1, 2, 3, 4, 5].map((column) => rows.map((row) => row[column] ?? null))
}

/** From the least to the greatest figure of all runs, in whole decades. */
export function frameOf({ runs, options: { limitMs } }: BenchResult): Frame {
  let [end, low, high] = [1, limitMs, limitMs]
  for (const { timeline, stepSeconds } of runs) {
    end = Math.max(end, timeline.length * stepSeconds)
    for (const { p50, max } of timeline) {
      low = Math.min(low, Math.max(0.01, p50))
      high = Math.max(high, max)
    }
  }
  const y = [10 ** Math.floor(Math.log10(low)), 10 ** Math.ceil(Math.log10(high * 1.05))] as const
  return { x: [0, end], y, limitMs }
}

function limitLine(limitMs: number): (plot: Plot) => void {
  return (plot) => {
    const { ctx, bbox } = plot
    const y = plot.valToPos(limitMs, 'y', true)
    ctx.save()
    ctx.strokeStyle = colour('--bad')()
    ctx.lineWidth = 1
    ctx.setLineDash([4, 4])
    ctx.beginPath()
    ctx.moveTo(bbox.left, y)
    ctx.lineTo(bbox.left + bbox.width, y)
    ctx.stroke()
    ctx.restore()
  }
}

function axesOf([low, high]: Frame['y']): object[] {
  const look = {
    stroke: colour('--soft'),
    grid: { stroke: colour('--line'), width: 1 },
    ticks: { show: false },
  }
  const second = (tick: number): string => `${tick} s`
  const decades: number[] = []
  for (let decade = low; decade < high * 1.01; decade *= 10) decades.push(decade)
  return [
    { ...look, size: 30, values: (_: Plot, ticks: readonly number[]) => ticks.map(second) },
    {
      ...look,
      size: 62,
      splits: () => decades,
      filter: () => decades,
      values: (_: Plot, ticks: Column) => ticks.map(inMs),
    },
  ]
}

function seriesOf(run: Run, seconds: Column, limitMs: number): object[] {
  const value = (_plot: Plot, shown: number | null): string => inMs(shown)
  const over = new Map(run.timeline.map((moment) => [moment.second, moment.overLimit]))
  const at = (_p: Plot, _v: number | null, _s: number, index: number | null): string =>
    index === null ? '–' : `${seconds[index] ?? '–'} s`
  const overAt = (_p: Plot, _v: number | null, _s: number, index: number | null): string =>
    index === null ? '–' : String(over.get(seconds[index] ?? -1) ?? 0)
  const line = (label: string, name: string, width: number): object => {
    const stroke = colour(name)
    return { label, stroke, width, value, points: { size: 4, fill: stroke } }
  }
  return [
    { label: 'at', value: at },
    line('p50', '--good', 2),
    line('p99', '--k0', 2),
    line('max', '--soft', 1),
    {
      label: `≥ ${inMs(limitMs)}`,
      stroke: colour('--bad'),
      paths: () => null,
      points: { show: true, size: 8, fill: colour('--bad') },
      value: overAt,
    },
  ]
}

function drawRun(run: Run, frame: Frame, place: Box): (height: number) => void {
  const box = document.createElement('section')
  const title = document.createElement('h3')
  title.textContent = run.label
  box.append(title)
  place.append(box)
  const columns = columnsOf(run)
  const seconds = columns.pop() ?? []
  const size = (height: number): { width: number; height: number } => ({
    width: Math.max(200, box.clientWidth),
    height,
  })
  const options = {
    ...size(190),
    cursor: { sync: { key: 'time' }, points: { size: 6 } },
    scales: { x: { time: false, range: frame.x }, y: { distr: 3, range: frame.y } },
    axes: axesOf(frame.y),
    series: seriesOf(run, seconds, frame.limitMs),
    hooks: { draw: [limitLine(frame.limitMs)] },
  }
  const plot = new uPlot(options, columns, box)
  return (height) => (height === 0 ? plot.redraw(false) : plot.setSize(size(height)))
}

/** Latency over time for each run, all with the same axes, as wide as there is room and in the colours of the hour. */
function drawCharts(): void {
  const result = JSON.parse(document.getElementById('result').textContent ?? '') as BenchResult
  const place = document.getElementById('charts')
  const frame = frameOf(result)
  const drawn = result.runs
    .filter((run) => run.timeline.length > 0)
    .map((run) => drawRun(run, frame, place))
  const redraw = (): void => drawn.forEach((draw) => draw(0))
  new ResizeObserver(() => drawn.forEach((draw) => draw(190))).observe(place)
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', redraw)
  addEventListener('beforeprint', redraw)
}
