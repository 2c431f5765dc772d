import { formatTable } from '../table.ts'
import type { Interval } from './client-report.ts'
import { memoryTrend, MOST_MIB_AN_HOUR, problemsOf } from './judge.ts'
import type { Look, ServerResult, SoakResult } from './result.ts'

/** Failures that are told one by one. */
const SHOWN = 10

/** The report of a soak, for people: one page. */
export function formatReport(result: SoakResult): string {
  const [judged, ...others] = result.servers
  const sections = [introduction(result), overview(result.servers)]
  if (judged !== undefined) {
    sections.push(course(judged))
    sections.push(...[judged, ...others].flatMap(failures), verdict(result, judged))
  }
  return sections.join('\n\n') + '\n'
}

function introduction(result: SoakResult): string {
  const { interrupted, machine, rate, reloadEvery, restartEvery, seconds, where } = result
  const length = seconds % 60 === 0 ? `${seconds / 60} minutes` : `${Math.round(seconds)} seconds`
  return [
    `Soak of ${length}${interrupted ? ' (interrupted)' : ''}, ${count(rate)} queries/s to each server, in ${where}.`,
    `Corefile changed every ${reloadEvery} s, a kube-dns pod restarted every ${restartEvery} s. Servers ran side by side: the`,
    `machine's ${machine.cores} cores were busy ${percent(machine.busy)} of the time, ${percent(machine.own)} with this soak.`,
    'Times in ms; CPU: µs per query; memory in MiB; MiB/h: how RSS changed in the second half.',
  ].join('\n')
}

function overview(servers: readonly ServerResult[]): string {
  const header = ['server', 'sent', 'failed', 'p50', 'p99', 'p99.9', 'max', 'CPU', 'misses']
  const more = ['RSS', 'RssAnon', 'MiB/h', 'files', 'reloads', 'restarts']
  const rows = servers.map((server) => {
    const { client, looks, reloads, upstream } = server
    const { failed, latency, sent } = client.total
    const last = looks.at(-1)
    const memory = memoryTrend(looks)
    return [
      server.name,
      count(sent),
      count(failed),
      ...[latency?.p50, latency?.p99, latency?.p999, latency?.max].map(ms),
      cpuPerQuery(looks.at(0), last, sent),
      percent(sent === 0 ? NaN : (upstream.tcp + upstream.udp) / sent),
      mebibytes(last?.rss),
      mebibytes(last?.rssAnon),
      memory === null ? '-' : memory.perHour.toFixed(1),
      String(last?.descriptors ?? '-'),
      reloads === null ? '-' : `${reloads.loaded}/${reloads.written}`,
      String(server.restarts),
    ]
  })
  return formatTable([...header, ...more], rows)
}

/** The judged server from interval to interval. */
function course({ client, looks, name }: ServerResult): string {
  const rows = client.intervals.map((interval, i) => {
    const end = (interval.at - client.startedAt) / 1000
    const before = client.intervals[i - 1]
    const start = before === undefined ? 0 : (before.at - client.startedAt) / 1000
    const within = looks.filter(({ second }) => second >= start && second <= end)
    return courseRow(interval, end, within)
  })
  const header = ['until', 'sent', 'failed', 'p50', 'p99', 'p99.9', 'max', 'CPU', 'waited']
  const lag = `Its client's timers were ${ms(client.lag.p99)} ms late (99 of 100 times), ${ms(client.lag.max)} at most.`
  return `${name}, stretch by stretch. ${lag}\n\n${formatTable([...header, 'RSS', 'RssAnon', 'heap', 'entries', 'files'], rows)}`
}

function courseRow(interval: Interval, end: number, looks: readonly Look[]): string[] {
  const { failed, latency, metrics, sent } = interval
  const last = looks.at(-1)
  const heap = metrics?.heap ?? null
  const cpuSeconds = (last?.second ?? 0) - (looks.at(0)?.second ?? 0)
  const share = sent * (cpuSeconds / Math.max(1, end - (looks.at(0)?.second ?? 0)))
  return [
    clock(end),
    count(sent),
    count(failed),
    ...[latency?.p50, latency?.p99, latency?.p999, latency?.max].map(ms),
    cpuPerQuery(looks.at(0), last, share),
    percent(((last?.waited ?? 0) - (looks.at(0)?.waited ?? 0)) / 1e9 / cpuSeconds),
    mebibytes(last?.rss),
    mebibytes(last?.rssAnon),
    heap === null ? '-' : (heap / 2 ** 20).toFixed(1),
    metrics?.entries === undefined || metrics.entries === null ? '-' : count(metrics.entries),
    String(last?.descriptors ?? '-'),
  ]
}

function failures({ client, name }: ServerResult): string[] {
  if (client.failures.length === 0) return []
  const lines = client.failures.slice(0, SHOWN).map((failure) => {
    const second = (failure.at - client.startedAt) / 1000
    return `  ${clock(second)}  ${failure.name} ${failure.type}: ${failure.what}`
  })
  const kinds = Object.entries(client.kinds).map(([kind, number]) => `${count(number)} ${kind}`)
  return [`${name} failed (${kinds.join(', ')}), the first of it:\n${lines.join('\n')}`]
}

function verdict(result: SoakResult, judged: ServerResult): string {
  const problems = problemsOf(judged)
  if (problems.length > 0) return `Not well:\n${problems.map((line) => `  ${line}`).join('\n')}`
  const memory = memoryTrend(judged.looks)
  const words =
    memory === null
      ? 'The run was too short to judge its memory.'
      : `Its memory changed by ${memory.perHour.toFixed(1)} MiB an hour, ${MOST_MIB_AN_HOUR} are allowed.`
  const early = result.interrupted ? ' It was interrupted.' : ''
  return `${judged.name}: every query was answered, and rightly. ${words}${early}`
}

function cpuPerQuery(first: Look | undefined, last: Look | undefined, queries: number): string {
  if (first === undefined || last === undefined || queries < 1) return '-'
  return ((last.cpu - first.cpu) / 1000 / queries).toFixed(0)
}

function clock(second: number): string {
  const whole = Math.round(second)
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, '0')}`
}

function ms(value: number | undefined): string {
  return value === undefined ? '-' : value.toFixed(value < 10 ? 2 : 0)
}

function mebibytes(kibibytes: number | undefined): string {
  return kibibytes === undefined ? '-' : (kibibytes / 1024).toFixed(1)
}

function percent(share: number): string {
  return Number.isNaN(share) ? '-' : `${Math.round(share * 100)} %`
}

function count(value: number): string {
  return value.toLocaleString('en')
}
