import { writeFileSync } from 'node:fs'
import { join } from 'node:path'

import type { Scenario } from './scenario.ts'

/** How many names the hits ask for. */
export const HIT_NAMES = 1000

/** Unique names of each kind in the miss storm: four times what the two stores hold (9,984 each). */
const STORM_NAMES = 45_000

/** More than a server on one core answers in a second, so that a file lasts for its run. */
const MISSES_PER_SECOND = 150_000
const MIX_PER_SECOND = 350_000

/** Of the names that are answered in order, one in so many takes so long. */
const SLOW_EVERY = 200
const SLOW_MS = 20

/** Above every rate of scenario.ts. */
const LATENCY_PER_SECOND = 25_000

/** Enough misses to have the miss path compiled for full load. */
const WARMUP_MISSES = 5000

/** nsd's zone: the hit names, a wildcard that answers any miss, and the name of the start probe. */
export function zoneText(): string {
  const header = `$ORIGIN bench.test.
$TTL 3600
@      SOA ns hostmaster 1 3600 600 86400 3600
@      NS  ns
ns     A   127.0.0.1
ready  A   127.0.0.1
*.miss A   10.96.255.1
`
  const hits = Array.from({ length: HIT_NAMES }, (_, i) => {
    return `${hitName(i)} A 10.96.${i >> 8}.${i & 255}\n`
  })
  return header + hits.join('')
}

/** As long as a Service's name usually is. */
function hitName(index: number): string {
  const number = String(index).padStart(4, '0')
  return `service-${number}.namespace-${number.slice(-2)}.svc.bench.test.`
}

/** All hit names once, in a seeded random order. */
export function hitQueries(): string[] {
  const random = seededRandom(1)
  return Array.from({ length: HIT_NAMES }, (_, i) => ({ query: `${hitName(i)} A`, key: random() }))
    .toSorted((a, b) => a.key - b.key)
    .map(({ query }) => query)
}

/** `count` names that no other `series` contains. */
export function missQueries(series: string, count: number): string[] {
  return Array.from({ length: count }, (_, i) => missQuery(series, i))
}

function missQuery(series: string, index: number): string {
  return `${series}-${String(index).padStart(7, '0')}.namespace-00.miss.bench.test. A`
}

/**
 * Misses for the upstream that answers in order. One in 200 takes 20 ms there, as a name does that
 * kube-dns has to ask others for: too few for p99 unless others wait behind them.
 */
export function inOrderQueries(series: string, count: number): string[] {
  return Array.from({ length: count }, (_, i) => {
    const label = i % SLOW_EVERY === SLOW_EVERY - 1 ? `ms${SLOW_MS}` : 'namespace-00'
    return `${series}-${String(i).padStart(7, '0')}.${label}.in-order.bench.test. A`
  })
}

/** Nine hits to one miss on average, at random but the same for every run of a series. */
export function mixQueries(series: string, count: number): string[] {
  const random = seededRandom(2)
  return Array.from({ length: count }, (_, i) => {
    if (random() < 0.1) return missQuery(series, i)
    return `${hitName(Math.floor(random() * HIT_NAMES))} A`
  })
}

/** Alternately a name that exists and one that does not (NXDOMAIN), all unique. */
export function stormQueries(series: string, count: number): string[] {
  return Array.from({ length: count }, (_, i) => {
    return i % 2 === 0 ? missQuery(series, i) : `${series}-${i}.namespace-00.absent.bench.test. A`
  })
}

/** Writes nsd's zone into `dir`. */
export function writeZone(dir: string): void {
  writeFileSync(join(dir, 'bench.zone'), zoneText())
}

/** What a round's query files depend on. */
export interface Plan {
  readonly seconds: number
  readonly latencySeconds: number
  readonly warmupSeconds: number
  readonly scenarios: readonly Scenario[]
}

/** A part of a scenario's latency run: a turn of a second by its number, or the warm-up before all. */
export type Part = number | 'warmup'

/** The queries of a part: of their own where none may be asked twice. */
export function latencyFile({ file, once }: Scenario, part: Part): string {
  return once ? `${file}-${part}` : file
}

/** Make queries of a kind with misses; those of different series have no miss in common. */
const makers: Readonly<Record<string, (series: string, count: number) => string[]>> = {
  misses: missQueries,
  'calm-misses': missQueries,
  mix: mixQueries,
  storm: stormQueries,
  'in-order': inOrderQueries,
}

/** How many queries a throughput run of a second may take. */
const perSecond: Readonly<Record<string, number>> = {
  misses: MISSES_PER_SECOND,
  'in-order': MISSES_PER_SECOND,
  mix: MIX_PER_SECOND,
}

/** Writes the query files of a round into `dir`; no miss is asked for in another round. */
export function writeRound(dir: string, round: number, plan: Plan): void {
  const { seconds, latencySeconds, warmupSeconds, scenarios } = plan
  const write = (name: string, kind: string, count: number): void => {
    const make = makers[kind]
    if (make === undefined) throw new Error(`Cannot write the queries "${name}": no such kind`)
    // The round first: "misses-1" in round 11 is not "misses-11" in round 1.
    writeQueries(join(dir, name), make(`${round}-${name}`, count))
  }
  writeQueries(join(dir, 'hits'), hitQueries())
  write('warmup-misses', 'misses', WARMUP_MISSES)
  for (const scenario of scenarios.filter(({ once }) => once)) {
    const { file, latency, paced } = scenario
    if (!paced) write(file, file, latency === null ? 2 * STORM_NAMES : perSecond[file]! * seconds)
    if (latency === null) continue
    write(latencyFile(scenario, 'warmup'), file, LATENCY_PER_SECOND * warmupSeconds)
    for (let turn = 0; turn < latencySeconds; turn++) {
      write(latencyFile(scenario, turn), file, LATENCY_PER_SECOND)
    }
  }
}

/** Writes one dnsperf data file. */
export function writeQueries(path: string, queries: readonly string[]): void {
  writeFileSync(path, queries.join('\n') + '\n')
}

/** mulberry32: small, and the same sequence for the same seed everywhere. */
export function seededRandom(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), state | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
}
