import type { Children } from './children.ts'
import { type RunningServer, servers, startServer, upstreams } from './fleet.ts'
import { LatencyPools } from './latency-pools.ts'
import { Meter, type Trial } from './measure.ts'
import { writeRound, writeZone } from './names.ts'
import type { Options } from './options.ts'
import type { Idle, Results, Sample, Start } from './sample.ts'
import type { Server } from './servers/server.ts'
import { readVersion } from './servers/version.ts'

/** Measures all servers in all scenarios, round by round; `progress` gets a line for each step. */
export async function compare(
  children: Children,
  options: Options,
  progress: (line: string) => void,
): Promise<Results> {
  const { dir, rounds, seconds } = options
  writeZone(dir)
  const fleet = servers(options)
  const samples: Sample[] = []
  const starts: Start[] = []
  const idles: Idle[] = []
  const pools = new LatencyPools()
  const behind = upstreams(options)
  const sources = {
    nsd: await startServer(children, behind.nsd, dir, options.loadCpu),
    'in-order': await startServer(children, behind['in-order'], dir, options.loadCpu),
  }
  for (let round = 1; round <= rounds; round++) {
    const isAsked = options.scenarios.length > 0 || options.idleSeconds > 0
    if (isAsked) writeRound(dir, round, options)
    const running = await startFleet(children, options, fleet)
    for (const { server, startMilliseconds } of running) {
      starts.push({ round, server: server.name, milliseconds: startMilliseconds })
    }
    if (isAsked) {
      const meter = new Meter(children, options, running, sources)
      await playRound({ meter, options, running, round, pools }, (sample) => {
        samples.push(sample)
        progress(progressLine(sample, rounds))
      })
      if (options.idleSeconds > 0) idles.push(...(await meter.idle(round)))
    }
    for (const { child } of running) await children.stop(child)
  }
  const names = fleet.map(({ name }) => name)
  const versions = Object.fromEntries(
    [...fleet, behind.nsd].map((server) => [server.name, readVersion(server)]),
  )
  return {
    servers: names,
    versions,
    rounds,
    seconds,
    samples,
    pooled: pools.percentiles(),
    idles,
    starts: options.starts ? starts : [],
  }
}

/** One after the other, so that they do not slow each other's start down. */
async function startFleet(
  children: Children,
  options: Options,
  fleet: readonly Server[],
): Promise<RunningServer[]> {
  const running: RunningServer[] = []
  for (const server of fleet) {
    running.push(await startServer(children, server, options.dir, options.serverCpu))
  }
  return running
}

interface Round {
  readonly meter: Meter
  readonly options: Options
  readonly running: readonly RunningServer[]
  readonly round: number
  readonly pools: LatencyPools
}

/**
 * All servers take turns within each scenario, and every second within its latency run: a disturbance
 * of the machine that lasts longer meets all of them. Every round another one begins.
 */
async function playRound(
  { meter, options, running, round, pools }: Round,
  take: (sample: Sample) => void,
): Promise<void> {
  const first = round % running.length
  const order = [...running.slice(first), ...running.slice(0, first)]
  // As long ago for each of them when its turn comes.
  for (const target of order) await meter.warmUp(target)
  for (const scenario of options.scenarios) {
    const trials: Trial[] = []
    for (const target of order) trials.push(await meter.begin(target, scenario))
    for (let turn = 0; turn < options.latencySeconds; turn++) {
      for (const trial of trials) await meter.time(trial, turn)
    }
    for (const trial of trials) take(meter.end(trial, round, pools))
  }
}

function progressLine(sample: Sample, rounds: number): string {
  const { round, scenario, server, lost, wrong } = sample
  const rate = Math.round(sample.queriesPerSecond).toLocaleString('en')
  const trouble = lost + wrong > 0 ? `, ${lost} lost, ${wrong} wrong` : ''
  return `${round}/${rounds} ${scenario} ${server}: ${rate}/s, ${sample.cpu.toFixed(2)} µs${trouble}`
}
