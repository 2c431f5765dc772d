import type { Bin } from '../../load/result.ts'
import { count, time } from './figures.ts'

/** How a terminal is written to. */
export interface Style {
  /** Columns. */
  readonly width: number
  /** Whether it is a terminal: bars of block elements, and colours. */
  readonly rich: boolean
  readonly colour: boolean
}

const EIGHTHS = ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉']
const MIN_BAR = 10
const MAX_BAR = 80

/**
 * A line for each bin, neighbours put together until there are at most `rows`. Bins that the limit falls into or
 * lies below are marked. Linear, but every bin that has a request shows.
 */
export function histogramLines(
  bins: readonly Bin[],
  limitMs: number,
  rows: number,
  { colour, rich, width }: Style,
): string[] {
  const merged = mergeBins(bins, rows)
  const most = Math.max(1, ...merged.map((bin) => bin.count))
  const labels = merged.map(({ upperMs }) => time(upperMs))
  const labelWidth = Math.max(0, ...labels.map(({ length }) => length))
  const countWidth = count(most).length
  const room = Math.min(MAX_BAR, Math.max(MIN_BAR, width - labelWidth - countWidth - 8))
  return merged.map((bin, i) => {
    const bar = barOf(bin.count / most, room, rich)
    const over = bin.upperMs >= limitMs && bin.count > 0
    const shown = over && colour ? `\x1b[31m${bar}\x1b[0m` : bar
    const number = count(bin.count).padStart(countWidth)
    return `  ${labels[i]!.padStart(labelWidth)} ${over ? '!' : ' '} ${number} ${shown}`.trimEnd()
  })
}

function mergeBins(bins: readonly Bin[], rows: number): Bin[] {
  const size = Math.max(1, Math.ceil(bins.length / rows))
  const merged: Bin[] = []
  for (let i = 0; i < bins.length; i += size) {
    const part = bins.slice(i, i + size)
    const sum = part.reduce((total, bin) => total + bin.count, 0)
    merged.push({ upperMs: part.at(-1)!.upperMs, count: sum })
  }
  return merged
}

function barOf(part: number, room: number, rich: boolean): string {
  if (part === 0) return ''
  if (!rich) return '#'.repeat(Math.max(1, Math.round(part * room)))
  const eighths = Math.max(1, Math.round(part * room * 8))
  return '█'.repeat(eighths >> 3) + EIGHTHS[eighths & 7]!
}
