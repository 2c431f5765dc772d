import type { Status } from '../../admin/api.ts'
import type { Facts, UpstreamProbe } from './facts.ts'
import { broken, type Said, warning } from './finding.ts'

const ID = 'upstream-distrusted'
const remedy = ['dnslet explain NAME shows its last failure']

/** That the daemon has something against an upstream. @param name its address, and whom it is for */
export function distrusted(name: string, problem: string): Said {
  return warning(ID, `dnslet itself does not trust ${name}`, {
    seen: [problem],
    meaning: 'It asks others first, and this one again once a health check passes.',
    remedy,
  })
}

/** The same for those that doctor has not asked itself: all with --quick, those beyond the first few. */
export function distrustedUnasked(
  { daemon: { status } }: Facts,
  asked: readonly UpstreamProbe[],
): readonly Said[] {
  if (!('value' in status)) return []
  const { blocks } = status.value
  const problems = new Map<string, string>()
  for (const { address, problem } of blocks.flatMap(({ upstreams }) => upstreams))
    if (problem !== null) problems.set(address, problem)
  for (const { server } of asked) problems.delete(server)
  return Array.from(problems, ([address, problem]) => {
    const keys = forsaken(blocks, address)
    return keys.length === 0 ? distrusted(address, problem) : theLast(address, problem, keys)
  })
}

/** Blocks that have this upstream, and none that is trusted. */
function forsaken(blocks: Status['blocks'], upstream: string): readonly string[] {
  return blocks
    .filter(({ upstreams: all }) => all.some(({ address }) => address === upstream))
    .filter(({ upstreams: all }) => all.every(({ problem }) => problem !== null))
    .flatMap(({ keys }) => keys)
}

function theLast(address: string, problem: string, keys: readonly string[]): Said {
  return broken(ID, `dnslet trusts no upstream of ${keys.slice(0, 3).join(' ')}`, {
    seen: [`${address}: ${problem}`],
    meaning:
      'It asks them all the same, and answers what it has cached, for an hour at most, else SERVFAIL.',
    remedy: ['dnslet doctor, without --quick, asks them itself', ...remedy],
  })
}
