import type { AskedTrace, ExplainedPath, Explanation, Status } from '../../admin/api.ts'
import { plural } from '../../lib/plural.ts'
import { printable } from '../../lib/printable.ts'

type Upstream = ExplainedPath['upstreams'][number]
type Cached = ExplainedPath['cached'][number]

/**
 * An explanation for a person in a hurry: what matters first, then how it comes about. Lines are
 * printable, whatever names are in them.
 *
 * @param hint what a search list makes of the name; null for nothing
 */
export function renderExplanation(
  { asked, name, paths, type }: Explanation,
  status: Status,
  hint: string | null,
): readonly string[] {
  const lines = [
    `${name} ${type}`,
    ...section('now', [verdict(paths, asked)]),
    ...(hint === null ? [] : section('search', [hint])),
    ...section('daemon', daemonLines(status)),
    ...paths.flatMap((path) => ['', ...pathLines(path, asked !== null)]),
    ...(asked === null ? [] : ['', ...askedLines(asked)]),
  ]
  return lines.map(printable)
}

const WIDTH = 11

function section(title: string, lines: readonly string[]): string[] {
  return lines.map((line, i) => `  ${(i === 0 ? title : '').padEnd(WIDTH)}${line}`)
}

/** In one line, for the first listener that serves the name. */
function verdict(paths: readonly ExplainedPath[], asked: AskedTrace | null): string {
  if (asked !== null) {
    const from = asked.plugin === '' ? 'the server' : asked.plugin
    const stale = asked.isStale ? ' (expired)' : ''
    const what = asked.rcode === '' ? 'no answer' : `${asked.rcode} from ${from}${stale}`
    return `${what}, ${plural(asked.records.length, 'record')} in ${asked.milliseconds} ms`
  }
  const path = paths.find(({ block }) => block !== null)
  if (path === undefined) return 'REFUSED: no server block serves this name'
  const last = path.plugins.findLast(({ reached, says }) => reached && says.length > 0)
  if (last === undefined) return 'no plugin of its block has a say in it'
  if (last.name !== 'forward') {
    const { upstreams } = path
    const isDown = upstreams.length > 0 && upstreams.every(({ problem }) => problem !== null)
    // What is cached ends some time.
    const down = last.name === 'cache' && isDown ? `; ${nextUpstream(upstreams)}` : ''
    return `${last.name}: ${last.says.at(-1)}${down}`
  }
  const cache = path.plugins.find(({ name, says }) => name === 'cache' && says.length > 0)
  const how = cache === undefined ? 'asks an upstream' : `cache: ${cache.says.at(-1)}`
  return `${how}; ${nextUpstream(path.upstreams)}`
}

function nextUpstream(upstreams: readonly Upstream[]): string {
  const next = upstreams.filter(({ isNext }) => isNext)
  const dead = upstreams.filter(({ problem }) => problem !== null).length
  if (upstreams.length === 0) return 'it has no upstream'
  if (dead === upstreams.length) return `EVERY UPSTREAM IS DOWN (${dead} of ${dead})`
  const names = next.map(({ address }) => address)
  const who = names.length === 1 ? `next is ${names[0]}` : `next is one of ${names.join(', ')}`
  return dead === 0 ? who : `${who}; ${dead} of ${upstreams.length} down`
}

function daemonLines({ corefile, interception, notReady, pid, version }: Status): string[] {
  const { reason, state } = interception
  const led =
    state === 'none'
      ? 'no interception'
      : state === 'active'
        ? `intercepts ${interception.addresses.join(', ')}`
        : `interception is ${state.toUpperCase()}: ${reason}`
  const ready = notReady.length === 0 ? 'ready' : `NOT READY: ${notReady.join('; ')}`
  const refused = corefile.refused?.reason
  const kubeDns = corefile.refusedKubeDns ?? null
  return [
    `dnslet ${version}, process ${pid}; ${led}; ${ready}`,
    ...(refused === undefined ? [] : [`AN EARLIER COREFILE IS SERVED: ${refused}`]),
    ...(kubeDns === null
      ? []
      : [
          `${kubeDns.isEarlierServed ? 'AN EARLIER' : 'NO'} KUBE-DNS CONFIGMAP IS USED: ${kubeDns.reason}`,
        ]),
  ]
}

function pathLines(
  { block, cached, listeners, plugins, upstreams }: ExplainedPath,
  wasAsked: boolean,
): string[] {
  const at = section('listener', [listeners.join(', ')])
  if (block === null) return [...at, ...section('block', ['none serves this name: REFUSED'])]
  return [
    ...at,
    ...section('block', [`${block.keys.join(' ')} (zone ${block.zone})`]),
    ...section('plugins', pluginLines(plugins)),
    ...section(
      wasAsked ? 'cache was' : 'cache',
      cached.length === 0 ? ['nothing for this question'] : cached.flatMap(cachedLines),
    ),
    ...section('upstreams', upstreams.length === 0 ? ['none'] : upstreams.flatMap(upstreamLines)),
  ]
}

/** Those with nothing to say share a line. */
function pluginLines(plugins: ExplainedPath['plugins']): string[] {
  const width = Math.max(0, ...plugins.map(({ name }) => name.length)) + 2
  const lines: string[] = []
  let quiet: string[] = []
  const flush = (): void => {
    if (quiet.length > 0) lines.push(quiet.join(', '))
    quiet = []
  }
  for (const { name, reached, says } of plugins) {
    if (says.length === 0 && reached) {
      quiet.push(name)
      continue
    }
    flush()
    const [first = '(not reached)', ...more] = says
    lines.push(name.padEnd(width) + first, ...more.map((line) => ' '.repeat(width) + line))
  }
  flush()
  return lines
}

function cachedLines(cached: Cached): string[] {
  const { checkingDisabled, dnssecOk, hits, rcode, records: texts, staleFor, store, ttl } = cached
  const bits = [dnssecOk ? 'DO' : '', checkingDisabled ? 'CD' : ''].filter((bit) => bit !== '')
  const asked = bits.length === 0 ? '' : ` (asked with ${bits.join(' and ')})`
  const life = ttl > 0 ? `${ttl} s left` : `expired ${-ttl} s ago`
  const stale = staleFor === 0 ? 'never stale' : `${ttl > 0 ? 'then ' : ''}stale for ${staleFor} s`
  const head = `${rcode}, ${store}${asked}: ${life}, ${stale}; ${plural(hits, 'hit')}`
  return [head, ...shortened(texts).map((text) => `  ${text}`)]
}

/** Records that are shown of an answer. */
const MOST_RECORDS = 12

function shortened(texts: readonly string[]): readonly string[] {
  if (texts.length <= MOST_RECORDS) return texts
  return [...texts.slice(0, MOST_RECORDS), `… and ${texts.length - MOST_RECORDS} more`]
}

function upstreamLines(upstream: Upstream): string[] {
  const { address, connections, failures, inFlight, isNext, lastFailure, problem } = upstream
  const { answers, rttMs, transport, why } = upstream
  const state = problem === null ? 'up' : problem.replace(/^[\w ]+/, (word) => word.toUpperCase())
  const rtt = rttMs === null ? 'no round trip yet' : `${rttMs.toFixed(1)} ms round trip`
  const load = `${plural(connections, 'connection')}, ${inFlight} under way`
  return [
    `${isNext ? '→' : ' '} ${address} over ${transport}: ${state}; ${why}`,
    `    ${rtt}; ${load}; ${answers} answered, ${failures} failed`,
    ...(lastFailure === null
      ? []
      : [`    last failure ${ago(lastFailure.agoMs)} ago: ${lastFailure.what}`]),
  ]
}

function ago(ms: number): string {
  if (ms < 120_000) return `${(ms / 1000).toFixed(1)} s`
  return ms < 7_200_000 ? `${Math.round(ms / 60_000)} min` : `${Math.round(ms / 3_600_000)} h`
}

function askedLines({ records: texts, steps }: AskedTrace): string[] {
  const timed = steps.map(({ atMs, what }) => `${atMs.toFixed(2).padStart(9)} ms  ${what}`)
  return [
    ...section('steps', timed),
    ...section('answer', texts.length === 0 ? ['no records'] : shortened(texts)),
  ]
}
