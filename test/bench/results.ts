import type { Results, Sample } from '../../bench/sample.ts'

const usual = {
  queriesPerSecond: 1000,
  userCpu: 1,
  systemCpu: 3,
  upstreamCpu: 0.25,
  busy: 0.875,
  disturbance: 0.0002,
  completed: 4000,
  lost: 0,
  wrong: 0,
  rss: 61_440,
  rssAnon: 20_480,
} as const

function sample(round: number, scenario: string, server: string, cpu: number): Sample {
  const latency =
    scenario === 'memory'
      ? null
      : { p50: 80 + round, p99: 200, p999: server === 'dnslet' ? 1000 : 2000 + round * 500 }
  return { ...usual, round, scenario, server, cpu, latency }
}

/** Two rounds of two servers in two scenarios. */
export const results: Results = {
  servers: ['dnslet', 'unbound'],
  versions: { dnslet: '0.1.0', unbound: '1.17.1', nsd: '4.6.1' },
  rounds: 2,
  seconds: 4,
  samples: [
    sample(1, 'hits', 'dnslet', 4),
    sample(1, 'hits', 'unbound', 8),
    { ...sample(2, 'hits', 'dnslet', 6), lost: 3 },
    sample(2, 'hits', 'unbound', 8),
    sample(1, 'memory', 'unbound', 30),
    sample(1, 'memory', 'dnslet', 10),
    sample(2, 'memory', 'unbound', 20),
    sample(2, 'memory', 'dnslet', 10),
  ],
  pooled: [
    { scenario: 'hits', server: 'dnslet', latency: { p50: 81, p99: 200, p999: 1000 } },
    { scenario: 'hits', server: 'unbound', latency: { p50: 81, p99: 200, p999: 2500 } },
  ],
  idles: [
    { round: 1, server: 'dnslet', cpu: 1.5, wakeUps: 20 },
    { round: 1, server: 'unbound', cpu: 0, wakeUps: 0.5 },
    { round: 2, server: 'dnslet', cpu: 2.5, wakeUps: 30 },
    { round: 2, server: 'unbound', cpu: 0.25, wakeUps: 0.5 },
  ],
  starts: [
    { round: 1, server: 'dnslet', milliseconds: 100 },
    { round: 1, server: 'unbound', milliseconds: 50 },
    { round: 2, server: 'dnslet', milliseconds: 120 },
    { round: 2, server: 'unbound', milliseconds: 60 },
  ],
}
