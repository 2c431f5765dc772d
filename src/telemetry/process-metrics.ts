import { readdirSync, readFileSync, statSync } from 'node:fs'
import { counter, gauge, type MetricSpec } from '../lib/metrics.ts'
import { remembered } from '../lib/remembered.ts'
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
  gauge('process_resident_memory_bytes', 'Resident memory size in bytes.', () => memory().rss),
  gauge('process_virtual_memory_bytes', 'Virtual memory size in bytes.', virtualBytes),
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
/** The same of limits, which change when somebody changes them. */
const LIMITS_MS = 60_000

const memory = remembered(FRESH_MS, () => process.memoryUsage())
const limits = remembered(LIMITS_MS, () => readProc('limits'))
const netstat = remembered(FRESH_MS, () => readProc('net/netstat'))

/** Not `performance.eventLoopUtilization()`: to count that costs a system call for each turn of the loop. */
function loopSeconds(): number {
  return threadCpu() / 1000
}

function limitOf(name: string): number | null {
  const soft = new RegExp(`^${name}\\s+(\\S+)`, 'm').exec(limits())?.[1]
  if (soft === undefined) return null
  return soft === 'unlimited' ? UNLIMITED : Number(soft)
}

/** The twenty-third word of proc_pid_stat(5); the second has the program's name, in parentheses. */
function virtualBytes(): number | null {
  const stat = readProc('stat')
  const text = stat.slice(stat.lastIndexOf(')') + 2).split(' ', 21)[20]
  return text === undefined ? null : Number(text)
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
    // Linux says it since 6.2, without a look at each.
    const { size } = statSync('/proc/self/fd')
    // One of them is the listing's own.
    return size > 0 ? size : readdirSync('/proc/self/fd').length - 1
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
