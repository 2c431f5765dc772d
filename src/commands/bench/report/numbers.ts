const whole = new Intl.NumberFormat('en-US')
const two = new Intl.NumberFormat('en-US', { maximumSignificantDigits: 2 })
const three = new Intl.NumberFormat('en-US', { maximumSignificantDigits: 3 })

/** `41,233`. */
export function count(value: number): string {
  return whole.format(Math.round(value))
}

/** `12 look-ups`, `1 look-up`. */
export function counted(value: number, noun: string): string {
  return `${count(value)} ${noun}${value === 1 ? '' : 's'}`
}

/** Milliseconds as one reads them, in three digits at most: `0.42 ms`, `87.1 ms`, `5.01 s`. */
export function duration(ms: number): string {
  if (ms < 1) return `${two.format(ms)} ms`
  return ms < 999.5 ? `${three.format(ms)} ms` : `${three.format(ms / 1000)} s`
}

/** A part of a whole in three digits, `0.0291 %`; an empty whole has no parts. */
export function percent(part: number, whole_: number): string {
  return `${whole_ === 0 ? '0' : three.format((part / whole_) * 100)} %`
}

/** `2026-11-29 11:13:23 UTC`; what is no time comes back as it is. */
export function moment(time: string): string {
  const date = new Date(time)
  return Number.isNaN(date.getTime())
    ? time
    : `${date.toISOString().slice(0, 19).replace('T', ' ')} UTC`
}
