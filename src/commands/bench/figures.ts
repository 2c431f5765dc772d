/** `1,234,567`. */
export function count(value: number): string {
  return Math.round(value).toLocaleString('en-US')
}

/** Milliseconds with three digits that matter: `0.123 ms`, `12.3 ms`, `5.01 s`. */
export function time(ms: number): string {
  if (ms >= 1000) return `${digits(ms / 1000)} s`
  return `${digits(ms)} ms`
}

/** `2.1 %`; small shares stay visible. */
export function share(part: number, whole: number): string {
  if (whole === 0 || part === 0) return '0 %'
  const percent = (part * 100) / whole
  return percent < 0.01 ? '<0.01 %' : `${digits(percent)} %`
}

function digits(value: number): string {
  if (value >= 100) return value.toFixed(0)
  if (value >= 10) return value.toFixed(1)
  return value >= 1 ? value.toFixed(2) : value.toFixed(3)
}
