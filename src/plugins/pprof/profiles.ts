import { Session } from 'node:inspector/promises'
import { type ELDHistogram, monitorEventLoopDelay } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'

/** Octets allocated between two samples of the heap, on average; as in Go. */
const HEAP_INTERVAL = 512 * 1024
/** Milliseconds between two looks at the event loop. */
const DELAY_INTERVAL = 10

/** The profiler of the process: V8 has one. It lives on over reloads. */
export class Profiles {
  readonly #session = new Session()
  #sampling: Promise<unknown> | null = null
  #profiling = false
  #delays: ELDHistogram | null = null
  #watchers = 0

  /** Begins to sample the heap; does nothing where that has happened. */
  start(): void {
    if (this.#sampling !== null) return
    this.#session.connect()
    this.#sampling = this.#session.post('HeapProfiler.startSampling', {
      samplingInterval: HEAP_INTERVAL,
    })
  }

  /** Ends everything; a CPU profile under way is the last. */
  stop(): void {
    this.#delays?.disable()
    this.#delays = null
    this.#sampling = null
    this.#session.disconnect()
  }

  /** Watches the delays of the event loop until the result is called. */
  watchDelays(): () => void {
    this.#watchers++
    if (this.#delays === null) {
      this.#delays = monitorEventLoopDelay({ resolution: DELAY_INTERVAL })
      this.#delays.enable()
    }
    return () => {
      if (--this.#watchers > 0) return
      this.#delays?.disable()
      this.#delays = null
    }
  }

  /** Where CPU time went, as a `.cpuprofile`; null where another one is being taken. */
  async cpu(seconds: number): Promise<string | null> {
    if (this.#profiling) return null
    this.#profiling = true
    try {
      await this.#session.post('Profiler.enable')
      await this.#session.post('Profiler.start')
      await sleep(seconds * 1000, undefined, { ref: false })
      const { profile } = await this.#session.post('Profiler.stop')
      return JSON.stringify(profile)
    } finally {
      this.#profiling = false
      await this.#session.post('Profiler.disable')
    }
  }

  /** What lives of what was allocated since `start()`, as a `.heapprofile`. */
  async heap(collect: boolean): Promise<string> {
    await this.#sampling
    if (collect) await this.#session.post('HeapProfiler.collectGarbage')
    const { profile } = await this.#session.post('HeapProfiler.getSamplingProfile')
    return JSON.stringify(profile)
  }

  /** How late the event loop was, a line for each share of the time; null where nobody watches. */
  delays(): string | null {
    const delays = this.#delays
    if (delays === null) return null
    // The histogram has intervals, of which one without delay takes as long as the resolution.
    const late = (nanoseconds: number): string => {
      const ms = nanoseconds / 1e6 - DELAY_INTERVAL
      return `${Math.max(ms, 0).toFixed(3)} ms`
    }
    const shares = [50, 75, 90, 99, 99.9, 99.99]
    const lines = shares.map((share) => `${share} %: ${late(delays.percentile(share))}`)
    return [
      `delay of the event loop, ${delays.count} looks of ${DELAY_INTERVAL} ms`,
      ...lines,
      `max: ${late(delays.max)}`,
      '',
    ].join('\n')
  }
}
