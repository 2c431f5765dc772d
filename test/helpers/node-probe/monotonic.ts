/** Milliseconds of CLOCK_MONOTONIC, the same clock in every process of a machine. */
export function monotonic(): number {
  const [seconds, nanoseconds] = process.hrtime()
  return seconds * 1000 + nanoseconds / 1e6
}
