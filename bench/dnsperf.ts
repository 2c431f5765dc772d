import { readFileSync } from 'node:fs'
import { join } from 'node:path'

import type { Children } from './children.ts'
import { type LoadReport, parseLatencies, parseReport } from './dnsperf-output.ts'

/** One run of dnsperf. */
export interface Load {
  readonly file: string
  readonly port: number
  readonly transport: 'udp' | 'tcp'
  readonly clients: number
  readonly outstanding: number
  /** Stop after one pass over the file. */
  readonly once: boolean
  /** Stop after this time; null: only at the end of the file. */
  readonly seconds: number | null
  /** Queries per second at most; null: as many as the server answers. */
  readonly rate: number | null
  /** Have every query's latency printed: costs the load generator time. */
  readonly latencies: boolean
}

/** A run's statistics, and its latencies in microseconds where asked for. */
export interface LoadResult {
  readonly report: LoadReport
  readonly latencies: Float64Array
}

/** A query not answered in this time is lost; no cache with a reachable upstream needs so long. */
const TIMEOUT_SECONDS = 2

/** In KiB. Large enough for all answers in flight, so that the load generator drops none. */
const SOCKET_BUFFER = 4096

/**
 * dnsperf wakes its sending thread just before it counts an answer. On one core the sender may run at
 * once, still find all its queries outstanding, and sleep until the receiver looks again. With many
 * queries that is the next answer; with one it is 100 ms later, and dnsperf slept four fifths of the
 * time. A batch process is not preempted by its own threads, so that the receiver counts first.
 */
function scheduling(load: Load): string[] {
  return load.outstanding === 1 ? ['chrt', '--batch', '0'] : []
}

/** Runs dnsperf from the core `cpu`; query and output files are in `dir`. */
export async function runDnsperf(
  children: Children,
  dir: string,
  cpu: number,
  load: Load,
): Promise<LoadResult> {
  const stdout = join(dir, 'dnsperf.out')
  await children.run({
    name: 'dnsperf',
    argv: [...scheduling(load), 'dnsperf', ...dnsperfArguments(dir, load)],
    env: {},
    cpu,
    // A file and no pipe: nobody has to read along on the load generator's core.
    stdout,
    stderr: join(dir, 'dnsperf.err'),
  })
  const output = readFileSync(stdout, 'utf8')
  const latencies = load.latencies ? parseLatencies(output) : new Float64Array()
  return { report: parseReport(output), latencies }
}

function dnsperfArguments(dir: string, load: Load): string[] {
  const options: Record<string, string | number> = {
    '-s': '127.0.0.1',
    '-p': load.port,
    '-d': join(dir, load.file),
    '-m': load.transport,
    '-c': load.clients,
    '-q': load.outstanding,
    '-t': TIMEOUT_SECONDS,
    '-b': SOCKET_BUFFER,
  }
  if (load.once) options['-n'] = 1
  if (load.seconds !== null) options['-l'] = load.seconds
  if (load.rate !== null) options['-Q'] = load.rate
  const flags = Object.entries(options).flatMap(([flag, value]) => [flag, String(value)])
  return load.latencies ? [...flags, '-v'] : flags
}
