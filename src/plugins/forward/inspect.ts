import type { ConsideredUpstream, UpstreamState } from '../../serve/inspection.ts'
import { Result, Transport } from '../../upstream/counters.ts'
import type { Upstream } from '../../upstream/upstream.ts'
import type { ForwardConfig } from './config.ts'
import { failureText } from './failure.ts'
import type { Policy } from './policy.ts'

/** Names of how queries go, for people. */
const transports = ['udp', 'tcp', 'tls', 'https'] as const

/** Results of an attempt that are the upstream's doing, or the network's. */
const FAILURES: readonly Result[] = [
  Result.Timeout,
  Result.Refused,
  Result.Closed,
  Result.Unreachable,
  Result.Invalid,
  Result.Untrusted,
]

type Manner = Pick<ForwardConfig, 'failfast' | 'forceTcp' | 'policy'>

/** An upstream as it is doing. @param now `Clock.now` */
export function inspect(upstream: Upstream, { forceTcp }: Manner, now: number): UpstreamState {
  const { counters, name } = upstream
  const transport = forceTcp ? Transport.Tcp : Transport.Udp
  const { results } = counters
  return {
    address: name,
    transport: transports[upstream.over(transport)],
    problem: problemOf(upstream, transport),
    connections: counters.open.reduce((sum, open) => sum + open, 0),
    inFlight: counters.inflight,
    rttMs: upstream.rtt(transport),
    answers: results[Result.Reply]!,
    failures: FAILURES.reduce<number>((sum, result) => sum + results[result]!, 0),
    lastFailure: lastFailureOf(upstream, now),
  }
}

function lastFailureOf({ lastFailure, name }: Upstream, now: number): UpstreamState['lastFailure'] {
  const { at, code, result, sent, transport } = lastFailure
  if (at === -Infinity) return null
  const what = failureText({ upstream: name, local: '', transport, result, code, sent })
  return { what, agoMs: Math.max(0, now - at) }
}

function problemOf(upstream: Upstream, transport: Transport): string | null {
  if (upstream.distrust !== null) return `not trusted: ${upstream.distrust}`
  return upstream.isDown(transport) ? 'down: it does not answer health checks' : null
}

/** The same for all of a directive, and which of them would be asked first now. */
export function consider(
  upstreams: readonly Upstream[],
  config: Manner,
  policy: Policy,
  now: number,
): readonly ConsideredUpstream[] {
  const transport = config.forceTcp ? Transport.Tcp : Transport.Udp
  const count = upstreams.length
  const isDown = upstreams.map((upstream) => upstream.isDown(transport))
  const isReady = upstreams.map((upstream) => upstream.isReady(transport))
  const anyUp = isDown.includes(false)
  const anyReady = upstreams.some((_, i) => !isDown[i] && isReady[i]!)
  const mayBe = (i: number): boolean => !isDown[i] && (isReady[i]! || !anyReady)
  const start = policy.first?.(count) ?? -1
  const next = start < 0 ? -1 : firstOf(start, count, mayBe)
  return upstreams.map((upstream, i) => {
    const chance = anyUp ? start < 0 && mayBe(i) : !config.failfast
    const isNext = chance || i === next
    const why = !anyUp
      ? config.failfast
        ? 'all are down: none is asked (failfast_all_unhealthy_upstreams)'
        : 'all are down: one at random gets a single try'
      : isDown[i]
        ? 'passed over'
        : !mayBe(i)
          ? 'passed over: its last connection failed, and another one is ready'
          : whyInPolicy(config.policy, isNext, count)
    return { ...inspect(upstream, config, now), isNext, why }
  })
}

/** `first`, else the first in the order of the directive that may be; −1 where none may. */
function firstOf(first: number, count: number, mayBe: (i: number) => boolean): number {
  if (count > 0 && mayBe(first)) return first
  return Array.from({ length: count }, (_, i) => i).findIndex(mayBe)
}

function whyInPolicy(policy: ForwardConfig['policy'], isNext: boolean, count: number): string {
  if (count === 1) return 'the only one'
  if (policy === 'random') return 'policy random: any of those that are up'
  if (policy === 'round_robin') {
    return isNext ? 'policy round_robin: its turn' : 'policy round_robin: not its turn'
  }
  return isNext
    ? 'policy sequential: the first that is up'
    : 'policy sequential: only if those before it fail'
}
