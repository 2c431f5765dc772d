/** Milliseconds of CLOCK_MONOTONIC, the same clock in every process of a machine. */
export function monotonic(): number {
  return performance.now() + offset
}

const [seconds, nanoseconds] = process.hrtime()
const offset = seconds * 1000 + nanoseconds / 1e6 - performance.now()
