import type { BlockStatus, InterceptionStatus, Status, Traffic } from '../api.ts'
import { NEARLY_FULL, SLOW_UPSTREAM_MS } from '../thresholds.ts'
import { corefileFindings } from './corefile-findings.ts'
import { lastSeconds, slowerThan } from './figures.ts'
import type { Finding } from './finding.ts'
import { age, between, bytes, count, counted, duration, names, percent } from './format.ts'

interface Seen {
  readonly status: Status
  readonly traffic: Traffic
}

/** Seconds that failures and slow answers are judged by. */
export const WINDOW_S = 60
/** Fewer answers than this in the window say nothing about shares. */
const ENOUGH_ANSWERS = 20
const ENOUGH_CASES = 5
/** Shares of the answers of the window. */
const NOTICE = 0.01
const PROBLEM = 0.05
/** A client notices. Glibc gives up after 5 s. */
const SLOW_S = 1
/** In the window: how queries are answered says nothing where there are few. */
const MANY_QUERIES = 600
/** Shares of the queries of the window that a full cache, or search lists, are told from. */
const FEW_HITS = 0.5
const MOSTLY_DENIALS = 0.95
/** Until then a start is a start, and nobody has to have asked. */
const STARTING_MS = 60_000
const SILENCE_S = 300
/** An error in the log concerns whoever opens the page for so long. */
const RECENT_MS = 300_000

/** What is wrong now, problems first; nothing where all is well. */
export function findingsOf({ status, traffic }: Seen): readonly Finding[] {
  const all = [
    interception(status),
    readiness(status),
    ...corefileFindings(status),
    ...upstreams(status.blocks),
    ...failures(traffic),
    slowness(traffic, status.blocks),
    fullCaches(status.blocks, traffic),
    denials(traffic),
    memory(status),
    silence(status, traffic),
    logged(status),
  ].filter((finding) => finding !== null)
  return [
    ...all.filter(({ level }) => level === 'problem'),
    ...all.filter(({ level }) => level === 'notice'),
  ]
}

function isStarting({ startedAt, now }: Status): boolean {
  return between(startedAt, now) < STARTING_MS
}

/** Where queries are to be led here it is no more than not begun; then nothing is said of it yet. */
export function stateOf({
  interception: { state, addresses },
}: Status): InterceptionStatus['state'] {
  return state === 'none' && addresses.length > 0 ? 'waiting' : state
}

function interception(status: Status): Finding | null {
  const { reason } = status.interception
  const state = stateOf(status)
  const why = [...new Set([...(reason === null ? [] : [reason]), ...status.notReady])].join('; ')
  const section = 'interception'
  switch (state) {
    case 'none':
    case 'active':
      return null
    case 'suspended':
      return {
        level: 'problem',
        what: 'Queries of this node go to kube-dns, not here',
        detail: why || 'dnslet does not answer its own questions.',
        section,
      }
    case 'waiting':
      return {
        level: isStarting(status) ? 'notice' : 'problem',
        what: 'Queries of this node are not led here yet: kube-dns answers them',
        detail: why,
        section,
      }
    case 'withdrawn':
      return {
        level: 'notice',
        what: 'This dnslet is being stopped: kube-dns answers this node',
        detail: why,
        section,
      }
    case 'left':
      return {
        level: 'notice',
        what: 'Another dnslet serves this node: this one is about to end',
        detail: why,
        section,
      }
  }
}

function readiness(status: Status): Finding | null {
  const state = stateOf(status)
  // Where interception is not active its finding has the reasons.
  if (status.notReady.length === 0 || (state !== 'active' && state !== 'none')) return null
  return {
    level: isStarting(status) ? 'notice' : 'problem',
    what: 'Not ready: /ready says no',
    detail: status.notReady.join('; '),
    section: 'process',
  }
}

/** The first key of a block stands for it. */
function called({ keys }: BlockStatus): string {
  return keys[0] ?? 'a block without a name'
}

function reasonsOf(blocks: readonly BlockStatus[]): string {
  const reasons = new Set<string>()
  for (const block of blocks)
    for (const { address, problem } of block.upstreams)
      if (problem !== null) reasons.add(`${address}: ${problem}`)
  return names([...reasons])
}

function upstreams(blocks: readonly BlockStatus[]): Finding[] {
  const troubled = blocks.filter((block) => block.upstreams.some(({ problem }) => problem !== null))
  const isDead = (block: BlockStatus): boolean =>
    block.upstreams.every(({ problem }) => problem !== null)
  const dead = troubled.filter(isDead)
  const weak = troubled.filter((block) => !isDead(block))
  const findings: Finding[] = []
  if (dead.length > 0)
    findings.push({
      level: 'problem',
      what: `No upstream answers for ${names(dead.map(called))}`,
      detail: `${reasonsOf(dead)}. Only what the cache still has is answered.`,
      section: 'upstreams',
    })
  if (weak.length > 0)
    findings.push({
      level: 'notice',
      what: `Some upstreams of ${names(weak.map(called))} are in trouble, others answer`,
      detail: reasonsOf(weak),
      section: 'upstreams',
    })
  return findings
}

/** How much a share of the answers of the window matters. */
function levelOf(cases: number, answers: number): Finding['level'] | null {
  if (answers < ENOUGH_ANSWERS || cases < ENOUGH_CASES || cases < NOTICE * answers) return null
  return cases < PROBLEM * answers ? 'notice' : 'problem'
}

const CAUSES: Readonly<Record<string, string>> = {
  SERVFAIL: 'An upstream fails or does not answer in time.',
  REFUSED: 'No block serves the name, a policy refuses the client, or too many queries wait.',
}

function failures(traffic: Traffic): Finding[] {
  const { answers, rcodes } = lastSeconds(traffic, WINDOW_S)
  return ['SERVFAIL', 'REFUSED'].flatMap((rcode) => {
    const times = rcodes[rcode] ?? 0
    const level = levelOf(times, answers)
    if (level === null) return []
    const what = `${percent(times / answers)} of the answers of the last minute are ${rcode}`
    const detail = `${count(times)} of ${count(answers)}. ${CAUSES[rcode]}`
    return [{ level, what, detail, section: 'traffic' }]
  })
}

function slowness(traffic: Traffic, blocks: readonly BlockStatus[]): Finding | null {
  const { latency } = lastSeconds(traffic, WINDOW_S)
  const measured = latency.reduce((sum, times) => sum + times, 0)
  const slow = slowerThan(latency, traffic.bounds, SLOW_S)
  const level = levelOf(slow, measured)
  if (level === null) return null
  const bound = traffic.bounds.find((seconds) => seconds >= SLOW_S) ?? SLOW_S
  return {
    level,
    what: `${percent(slow / measured)} of the answers of the last minute took over ${duration(bound * 1_000)}`,
    detail: `${count(slow)} of ${count(measured)}. ${slowUpstreams(blocks)}`,
    section: 'traffic',
  }
}

function slowUpstreams(blocks: readonly BlockStatus[]): string {
  const slow = new Set<string>()
  for (const { upstreams: all } of blocks)
    for (const { address, problem, rttMs } of all)
      if (problem === null && rttMs !== null && rttMs >= SLOW_UPSTREAM_MS)
        slow.add(`${address} takes ${duration(rttMs)}`)
  if (slow.size > 0) return `${names([...slow])}: it answers late, and clients wait for it.`
  return 'Round trips and waiting queries of the upstreams tell which one is slow.'
}

function fullCaches(blocks: readonly BlockStatus[], traffic: Traffic): Finding | null {
  const { hits, queries } = lastSeconds(traffic, WINDOW_S)
  const full = blocks.filter(
    ({ cache }) =>
      cache !== null &&
      [cache.success, cache.denial].some(({ capacity, entries }) => entries >= capacity),
  )
  if (full.length === 0 || queries < MANY_QUERIES || hits >= FEW_HITS * queries) return null
  return {
    level: 'notice',
    what: `A cache of ${names(full.map(called))} is full, and ${percent(hits / queries)} of the queries of the last minute were answered from it`,
    detail:
      'Where the same names are asked for again, a larger one helps (cache in the Corefile). Most frequent shows a client that asks for ever new ones.',
    section: 'blocks',
  }
}

function denials(traffic: Traffic): Finding | null {
  const { answers, rcodes } = lastSeconds(traffic, WINDOW_S)
  const times = rcodes['NXDOMAIN'] ?? 0
  if (answers < MANY_QUERIES || times < MOSTLY_DENIALS * answers) return null
  return {
    level: 'notice',
    what: `${percent(times / answers)} of the answers of the last minute are NXDOMAIN`,
    detail:
      'Search lists alone cause some 80 %: a dot behind the name, or ndots:1 in the pod, ends that. Else names have vanished. Most frequent shows which, and who asks.',
    section: 'top',
  }
}

function memory({ memory: { limitBytes, rssBytes } }: Status): Finding | null {
  if (limitBytes === null || rssBytes <= NEARLY_FULL * limitBytes) return null
  return {
    level: 'notice',
    what: `${bytes(rssBytes)} of ${bytes(limitBytes)} of memory are in use`,
    detail: 'Beyond the limit the kernel ends the process. Raise it: cache and heap follow.',
    section: 'process',
  }
}

function silence(status: Status, traffic: Traffic): Finding | null {
  const { startedAt, now, totals } = status
  const state = stateOf(status)
  if (state !== 'active' && state !== 'none') return null
  if (lastSeconds(traffic, SILENCE_S).queries > 0) return null
  const silent = totals.secondsSinceLastClientQuery ?? between(startedAt, now) / 1_000
  if (silent < SILENCE_S) return null
  const since = totals.secondsSinceLastClientQuery === null ? 'since the start, ' : 'for '
  return {
    level: 'notice',
    what: `No client has asked ${since}${age(silent * 1_000)}`,
    detail:
      'The traffic of the pods may be led past this process: dnslet doctor says where it goes.',
    section: 'traffic',
  }
}

function logged({ errors, now }: Status): Finding | null {
  const recent = errors.filter(
    ({ level, at }) => level !== 'warning' && between(at, now) < RECENT_MS,
  )
  const newest = recent[0]
  if (newest === undefined) return null
  return {
    level: recent.some(({ level }) => level === 'fatal') ? 'problem' : 'notice',
    what: `${counted(recent.length, 'kind of error', 'kinds of errors')} in the log within five minutes`,
    detail: newest.text,
    section: 'log',
  }
}
