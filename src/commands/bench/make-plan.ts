import { closeSync, openSync } from 'node:fs'
import type { Endpoint } from '../../lib/address.ts'
import { reasonOf } from '../../lib/errors.ts'
import { type BenchPlan, BOTH_FAMILIES, type RunPlan } from '../../load/plan.ts'
import { resolverConfig, type ResolverConfig } from '../../load/resolv-conf.ts'
import { parseServer, serverNames } from '../../load/target.ts'
import type { BenchOptions } from '../../options/bench-options.ts'
import { Type, typeFromName } from '../../wire/codes.ts'
import { capacityProblem, type Limits } from './capacity.ts'
import { hostProblem, MAX_HOSTS, readHosts } from './hosts.ts'
import { readBounded } from './read-file.ts'

/** Runs of one bench: more make no table that anybody reads. */
const MAX_RUNS = 100
const MAX_RESOLV_CONF = 2 ** 20
/** Where getaddrinfo looks, whatever `-resolv` says. */
const SYSTEM_RESOLV_CONF = '/etc/resolv.conf'

/**
 * Makes a plan of what was asked for: reads the files, looks at the limits of this process.
 * Throws an Error, a line of what is wrong.
 */
export function makePlan(options: BenchOptions, limits: Limits): BenchPlan {
  const hosts = hostsOf(options)
  const config = readConfig(options)
  const targets = targetsOf(options, config)
  const types = typesOf(options)
  const runs = options.clients.flatMap((client) => {
    const problem = capacityProblem(client, options.concurrency, limits)
    if (problem !== null) throw new Error(problem)
    if (client !== 'system') return targets.map((servers) => ({ client, servers }))
    checkSystem(options, config, types)
    return [{ client, servers: [...config.servers] }]
  })
  if (runs.length > MAX_RUNS)
    throw new Error(`${runs.length} runs are too many: at most ${MAX_RUNS}`)
  const { concurrency, limitMs, rate, seconds } = options
  const isRaw = options.clients.includes('raw')
  return {
    hosts,
    concurrency,
    seconds,
    limitMs,
    rate,
    types: types.length > 0 ? types : isRaw ? [Type.A] : BOTH_FAMILIES,
    runs: labelled(runs, config),
    notes: notesOf(options, config),
  }
}

function hostsOf(options: BenchOptions): string[] {
  const hosts = new Set(options.hosts)
  for (const host of hosts) {
    const problem = hostProblem(host)
    if (problem !== null) throw new Error(`-host: ${problem}`)
  }
  if (options.hostsFile !== '') for (const host of readHosts(options.hostsFile)) hosts.add(host)
  if (hosts.size > MAX_HOSTS)
    throw new Error(`${hosts.size} hosts are too many: at most ${MAX_HOSTS}`)
  return [...hosts]
}

/** A resolv.conf that is not there has no search list and no servers. */
function readConfig({ resolvConf, servers }: BenchOptions): ResolverConfig {
  try {
    return resolverConfig(readBounded(resolvConf, MAX_RESOLV_CONF))
  } catch (error) {
    const cause = error instanceof Error ? (error.cause as NodeJS.ErrnoException) : null
    if (servers.length === 0 || cause?.code !== 'ENOENT') throw error
    return resolverConfig('')
  }
}

function targetsOf({ resolvConf, servers }: BenchOptions, config: ResolverConfig): Endpoint[][] {
  if (servers.length === 0) {
    if (config.servers.length > 0) return [[...config.servers]]
    throw new Error(`${resolvConf} names no server: name one with -server`)
  }
  return servers.map((text) => {
    const server = parseServer(text)
    if (typeof server === 'string') throw new Error(`-server: ${server}`)
    return [server]
  })
}

function typesOf({ clients, types }: BenchOptions): number[] {
  if (clients.includes('raw') && clients.length > 1 && types.length === 0) {
    throw new Error(
      'raw asks for single types, the others for both: name a -type, or measure it alone',
    )
  }
  return types.map((name) => {
    const type = typeFromName(name)
    if (type === undefined) throw new Error(`-type: "${name}" is no type`)
    return type
  })
}

function checkSystem(
  { resolvConf }: BenchOptions,
  { servers }: ResolverConfig,
  types: readonly number[],
): void {
  if (resolvConf !== SYSTEM_RESOLV_CONF) {
    throw new Error(
      `-client system reads ${SYSTEM_RESOLV_CONF}, whatever else is said: leave -resolv out, or take ` +
        '-client glibc',
    )
  }
  if (servers.length === 0) throw new Error(`-client system: ${resolvConf} names no server`)
  if (types.some((type) => type !== Type.A && type !== Type.AAAA)) {
    throw new Error('-client system can ask for A and AAAA alone')
  }
}

/** Labels tell only what differs. */
function labelled(
  runs: readonly { client: string; servers: Endpoint[] }[],
  config: ResolverConfig,
): RunPlan[] {
  const clients = new Set(runs.map(({ client }) => client)).size
  const targets = new Set(runs.map(({ servers }) => serverNames(servers))).size
  return runs.map(({ client, servers }) => {
    const server = serverNames(servers)
    const both = `${client} ${server}`
    const label = targets === 1 ? client : clients === 1 ? server : both
    return { client, server, label, config: { ...config, servers } }
  })
}

function notesOf({ clients, servers }: BenchOptions, config: ResolverConfig): string[] {
  if (!clients.includes('system') || servers.length === 0) return []
  const names = serverNames(config.servers)
  return [`system asks ${names}, the servers of ${SYSTEM_RESOLV_CONF}: nobody can tell it others.`]
}

/** Makes sure that a file can be written, before anything is measured: it is there afterwards. Throws an Error. */
export function checkWritable(file: string): void {
  try {
    closeSync(openSync(file, 'a'))
  } catch (cause) {
    throw new Error(`Cannot write ${file}: ${reasonOf(cause)}`, { cause })
  }
}
