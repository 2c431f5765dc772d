import { join } from 'node:path'
import { parseArgs } from 'node:util'

import { findScenario, IDLE, type Scenario, scenarioNames, scenarios, START } from './scenario.ts'
import { builtins } from './servers/index.ts'
import { parsePeer, type PeerSpec } from './servers/peer.ts'

/** The command line, checked. */
export interface Options {
  readonly help: boolean
  readonly rounds: number
  /** Length of a throughput run. */
  readonly seconds: number
  /** Length of a latency run, which the servers take in turns of a second. */
  readonly latencySeconds: number
  /** Length of each warm-up run; 0: none. */
  readonly warmupSeconds: number
  readonly scenarios: readonly Scenario[]
  /** How long the servers are left alone at the end of each round; 0: not at all. */
  readonly idleSeconds: number
  /** Report the times from start to first answer. */
  readonly starts: boolean
  /** Names of built-in servers. */
  readonly servers: readonly string[]
  readonly peers: readonly PeerSpec[]
  /** nsd listens here, the built-in servers on the next ports. */
  readonly basePort: number
  readonly serverCpu: number
  readonly loadCpu: number
  /** For temporary files; removed at the end. */
  readonly dir: string
  readonly svg: string
  readonly text: string | null
  readonly json: string | null
  /** Queries of the endurance run of the first server; null: compare the servers instead. */
  readonly endurance: number | null
}

/** One directory for each process, so that two benchmarks do not remove each other's. */
const dir = join(import.meta.dirname, '../.bench', String(process.pid))

const chart = join(import.meta.dirname, 'results.svg')

export const usage: string = `Usage: npm run bench -- [options]

  --rounds N          rounds over all servers (7)
  --seconds N         length of each throughput run (3)
  --latency-seconds N length of each latency run, in turns of a second (4)
  --warmup-seconds N  length of each part of the warm-up before a round, 0 for none (2)
  --idle-seconds N    how long the servers are left alone at the end of a round (10)
  --scenarios A,B     some of ${scenarioNames.join(', ')} (all)
  --servers A,B       some of ${Object.keys(builtins).join(', ')} (all)
  --peer NAME=COMMAND@PORT
                      a further server, which listens on 127.0.0.1:PORT and forwards to nsd;
                      may be repeated
  --base-port N       nsd's port; the servers take the next ones (25300)
  --server-cpu N      core of the measured server (0)
  --load-cpu N        core of dnsperf and nsd (1)
  --svg FILE          where the chart goes (bench/results.svg)
  --text FILE         write the tables to a file as well
  --json FILE         write every sample to a file
  --endurance N       instead: N queries of the mix to the first of the servers alone, with its
                      memory after every million
  --help`

/** Reads the command line. Throws Error for anything it does not know. */
export function parseOptions(argv: readonly string[]): Options {
  const { values } = parseArgs({ args: [...argv], options: definitions, strict: true })
  const endurance = values.endurance
  return Object.freeze({
    help: values.help,
    rounds: positive('rounds', values.rounds),
    seconds: positive('seconds', values.seconds),
    latencySeconds: positive('latency-seconds', values['latency-seconds']),
    warmupSeconds: count('warmup-seconds', values['warmup-seconds']),
    scenarios: pickScenarios(values.scenarios),
    idleSeconds: splitList(values.scenarios).includes(IDLE)
      ? positive('idle-seconds', values['idle-seconds'])
      : 0,
    starts: splitList(values.scenarios).includes(START),
    servers: pickServers(values.servers),
    peers: uniquePeers(values.peer),
    basePort: positive('base-port', values['base-port']),
    serverCpu: count('server-cpu', values['server-cpu']),
    loadCpu: count('load-cpu', values['load-cpu']),
    dir,
    svg: values.svg,
    text: values.text ?? null,
    json: values.json ?? null,
    endurance: endurance === undefined ? null : positive('endurance', endurance),
  })
}

const definitions = {
  help: { type: 'boolean', default: false },
  rounds: { type: 'string', default: '7' },
  seconds: { type: 'string', default: '3' },
  'latency-seconds': { type: 'string', default: '4' },
  'warmup-seconds': { type: 'string', default: '2' },
  'idle-seconds': { type: 'string', default: '10' },
  scenarios: { type: 'string', default: scenarioNames.join(',') },
  servers: { type: 'string', default: Object.keys(builtins).join(',') },
  peer: { type: 'string', multiple: true, default: [] as string[] },
  'base-port': { type: 'string', default: '25300' },
  'server-cpu': { type: 'string', default: '0' },
  'load-cpu': { type: 'string', default: '1' },
  svg: { type: 'string', default: chart },
  text: { type: 'string' },
  json: { type: 'string' },
  endurance: { type: 'string' },
} as const

/** In their own order, whatever order was asked for: see `scenarios`. */
function pickScenarios(list: string): Scenario[] {
  const wanted = new Set(
    splitList(list)
      .filter((name) => name !== START && name !== IDLE)
      .map(findScenario),
  )
  return scenarios.filter((scenario) => wanted.has(scenario))
}

function pickServers(list: string): string[] {
  const wanted = new Set(splitList(list))
  const known = Object.keys(builtins)
  for (const name of wanted) {
    if (!known.includes(name)) {
      throw new Error(`Cannot find server "${name}": known are ${known.join(', ')}`)
    }
  }
  return known.filter((name) => wanted.has(name))
}

function uniquePeers(texts: readonly string[]): PeerSpec[] {
  const peers = texts.map(parsePeer)
  const names = [...Object.keys(builtins), ...peers.map(({ name }) => name)]
  for (const { name } of peers) {
    if (names.indexOf(name) !== names.lastIndexOf(name)) {
      throw new Error(`Cannot name a peer "${name}": the name is taken`)
    }
  }
  return peers
}

function splitList(list: string): string[] {
  return list.split(',').filter((item) => item !== '')
}

function positive(name: string, text: string): number {
  const value = count(name, text)
  if (value === 0) throw new Error(`Cannot read --${name} "${text}": expected at least 1`)
  return value
}

function count(name: string, text: string): number {
  if (!/^\d{1,9}$/.test(text)) {
    throw new Error(`Cannot read --${name} "${text}": expected a whole number`)
  }
  return Number(text)
}
