/** Figures as `dnslet top` shows them: short, and of ASCII but for the sparkline. */

/** `1,234`. */
export function integer(value: number): string {
  return Math.round(value).toLocaleString('en-US')
}

/** Times per second: `0.25`, `12.5`, `1,234`; `-` where it is not known. */
export function rate(value: number | null): string {
  if (value === null) return '-'
  if (value === 0 || value >= 100) return integer(value)
  return value.toFixed(value < 10 ? 2 : 1)
}

/** Of 0 … 1: `97.5%`; `-` where it is not known. */
export function percent(value: number | null): string {
  return value === null ? '-' : `${(100 * value).toFixed(1)}%`
}

/** `640 KiB`, `1.5 MiB`. */
export function bytes(value: number): string {
  return value < 2 ** 20 ? `${integer(value / 1024)} KiB` : `${(value / 2 ** 20).toFixed(1)} MiB`
}

/** `0.4 s`, `12 s`, `3 min`, `5 h 10 min`, `12 d 3 h`. */
export function duration(seconds: number): string {
  if (seconds < 10) return `${seconds.toFixed(1)} s`
  if (seconds < 120) return `${Math.floor(seconds)} s`
  const minutes = Math.floor(seconds / 60)
  if (minutes < 120) return `${minutes} min`
  const hours = Math.floor(minutes / 60)
  return hours < 48
    ? `${hours} h ${minutes % 60} min`
    : `${Math.floor(hours / 24)} d ${hours % 24} h`
}

const BARS = '▁▂▃▄▅▆▇█'

/** A bar for each value, the highest for the greatest of them. */
export function sparkline(values: readonly number[]): string {
  const most = Math.max(...values)
  return values
    .map((value) => BARS[most === 0 ? 0 : Math.round((value / most) * (BARS.length - 1))])
    .join('')
}
