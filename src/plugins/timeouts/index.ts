import { formatDuration } from '../../corefile/directive.ts'
import type { StreamLimits } from '../../lib/stream-limits.ts'
import type { Plugin, Stage } from '../../serve/plugin.ts'
import { readConfig } from './config.ts'

/** `timeouts`: how long clients over TCP, TLS and HTTPS may take. Their listeners see to it. */
export const timeouts: Plugin = {
  name: 'timeouts',
  changesAnswers: false,
  setup(directives): Stage {
    const limits = readConfig(directives)
    return { limits, describe: () => [describe(limits)] }
  },
}

function describe({ readMs, writeMs, idleMs, maxQueries }: Partial<StreamLimits>): string {
  const times = Object.entries({ read: readMs, write: writeMs, idle: idleMs })
    .filter((entry): entry is [string, number] => entry[1] !== undefined)
    .map(([name, ms]) => `${name} ${formatDuration(ms)}`)
  const queries = maxQueries === Infinity ? 'any number of' : String(maxQueries)
  if (maxQueries !== undefined) times.push(`${queries} queries of a TCP connection`)
  return times.join(', ')
}
