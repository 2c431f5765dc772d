import type { Facts, UpstreamProbe } from './facts.ts'
import { type Said, warning } from './finding.ts'

/** That the daemon has something against an upstream. @param name its address, and whom it is for */
export function distrusted(name: string, problem: string): Said {
  return warning('upstream-distrusted', `dnslet itself does not trust ${name}`, {
    seen: [problem],
    meaning: 'It asks others first, and this one again once a health check passes.',
    remedy: ['dnslet explain NAME shows its last failure'],
  })
}

/** The same for those that doctor has not asked itself: all with --quick, those beyond the first few. */
export function distrustedUnasked(
  { daemon: { status } }: Facts,
  asked: readonly UpstreamProbe[],
): readonly Said[] {
  if (!('value' in status)) return []
  const problems = new Map<string, string>()
  for (const { address, problem } of status.value.blocks.flatMap(({ upstreams }) => upstreams))
    if (problem !== null) problems.set(address, problem)
  for (const { server } of asked) problems.delete(server)
  return Array.from(problems, ([address, problem]) => distrusted(address, problem))
}
