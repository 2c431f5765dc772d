import { readdirSync, readFileSync } from 'node:fs'
import { counter, gauge, type MetricSpec } from '../lib/metrics.ts'
import { threadCpu } from '../lib/thread-cpu.ts'

/**
 * What Prometheus clients tell of their process, read from /proc at the time of a scrape: between
 * scrapes these metrics cost nothing. Where /proc lacks a figure, the metric is absent.
 */

/** Unix time at which the process began. */
const startTime = Date.now() / 1000 - process.uptime()

/** What client libraries report for a limit of "unlimited": the largest rlim_t. */
const UNLIMITED = 2 ** 64

export const processMetrics: readonly MetricSpec[] = [
  counter('process_cpu_seconds_total', 'Total user and system CPU time spent in seconds.', () => {
    const { user, system } = process.cpuUsage()
    return (user + system) / 1e6
  }),
  gauge('process_max_fds', 'Maximum number of open file descriptors.', () =>
    limitOf('Max open files'),
  ),
  gauge('process_open_fds', 'Number of open file descriptors.', countDescriptors),
  gauge('process_resident_memory_bytes', 'Resident memory size in bytes.', () =>
    statusBytes('VmRSS'),
  ),
  gauge('process_virtual_memory_bytes', 'Virtual memory size in bytes.', () =>
    statusBytes('VmSize'),
  ),
  gauge(
    'process_virtual_memory_max_bytes',
    'Maximum amount of virtual memory available in bytes.',
    () => limitOf('Max address space'),
  ),
  gauge(
    'process_start_time_seconds',
    'Start time of the process since unix epoch in seconds.',
    () => startTime,
  ),
  counter(
    'process_network_receive_bytes_total',
    'Number of bytes received by the network namespace of the process.',
    () => ipOctets('InOctets'),
  ),
  counter(
    'process_network_transmit_bytes_total',
    'Number of bytes sent by the network namespace of the process.',
    () => ipOctets('OutOctets'),
  ),
  gauge(
    'nodejs_heap_size_total_bytes',
    'Size of the JavaScript heap in bytes.',
    () => memory().heapTotal,
  ),
  gauge(
    'nodejs_heap_size_used_bytes',
    'Used part of the JavaScript heap in bytes.',
    () => memory().heapUsed,
  ),
  gauge(
    'nodejs_external_memory_bytes',
    'Memory of buffers outside the heap in bytes.',
    () => memory().external,
  ),
  counter(
    'nodejs_eventloop_active_seconds_total',
    'CPU time of the thread of the event loop.',
    loopSeconds,
  ),
  counter(
    'nodejs_eventloop_idle_seconds_total',
    'Time in which that thread waited, for events mostly.',
    () => Math.max(0, process.uptime() - loopSeconds()),
  ),
  {
    name: 'nodejs_version_info',
    help: 'The version of Node.js, in labels; always 1.',
    type: 'gauge',
    labels: ['version'],
    collect: (emit) => emit([process.version], 1),
  },
]

/** Milliseconds for which something that was read serves: all metrics of a scrape. */
const FRESH_MS = 50

/** Reads again what was read longer ago than `FRESH_MS`. */
function once<T>(read: () => T): () => T {
  let value: T | null = null
  let at = -Infinity
  return () => {
    const now = performance.now()
    if (value === null || now - at > FRESH_MS) {
      value = read()
      at = now
    }
    return value
  }
}

const memory = once(() => process.memoryUsage())
const limits = once(() => readProc('limits'))
const status = once(() => readProc('status'))
const netstat = once(() => readProc('net/netstat'))

/** Not `performance.eventLoopUtilization()`: to count that costs a system call for each turn of the loop. */
function loopSeconds(): number {
  return threadCpu() / 1000
}

function limitOf(name: string): number | null {
  const soft = new RegExp(`^${name}\\s+(\\S+)`, 'm').exec(limits())?.[1]
  if (soft === undefined) return null
  return soft === 'unlimited' ? UNLIMITED : Number(soft)
}

function statusBytes(name: string): number | null {
  const kilobytes = new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status())?.[1]
  return kilobytes === undefined ? null : Number(kilobytes) * 1024
}

/** netstat has pairs of lines: `IpExt: InNoRoutes InOctets …`, then `IpExt: 0 1234 …`. */
function ipOctets(name: string): number | null {
  const [names, values] = netstat()
    .split('\n')
    .filter((line) => line.startsWith('IpExt:'))
    .map((line) => line.split(' '))
  const value = values?.[names?.indexOf(name) ?? -1]
  return value === undefined ? null : Number(value)
}

function countDescriptors(): number | null {
  try {
    // One of them is the listing's own.
    return readdirSync('/proc/self/fd').length - 1
  } catch {
    return null
  }
}

function readProc(file: string): string {
  try {
    return readFileSync(`/proc/self/${file}`, 'utf8')
  } catch {
    return ''
  }
}
