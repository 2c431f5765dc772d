import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import type { Endpoint } from '../../src/lib/address.ts'
import { joinHostPort } from '../../src/lib/address.ts'
import { bin } from '../../test/helpers/dnslet.ts'
import type { Running } from '../../test/helpers/processes.ts'
import { type CorefilePlace, soakCorefile } from './corefile.ts'
import type { Place } from './place.ts'

/** A server that runs in its place. */
export interface SoakServer {
  readonly name: string
  readonly running: Running
  /** Where it is asked. */
  readonly address: Endpoint
  /** Where its metrics are; null: nowhere. */
  readonly metrics: string | null
  /** Writes another edition of its Corefile; null: it reads none. */
  readonly edit: ((edition: number) => void) | null
}

/** A further server, as `--peer NAME=COMMAND` has it. */
export interface SoakPeer {
  readonly name: string
  readonly command: string
}

/** Servers that need no `--peer`. */
export const builtinServers: readonly string[] = ['dnslet', 'unbound']

/** Starts a server in its place; it need not answer yet. */
export async function startServer(
  name: string,
  peers: readonly SoakPeer[],
  place: Place,
  reloadSeconds: number,
): Promise<SoakServer> {
  if (name === 'dnslet') return startDnslet(place, reloadSeconds)
  if (place.intercepts) await addAddress(place)
  if (name === 'unbound') return startUnbound(place)
  const peer = peers.find((one) => one.name === name)
  if (peer === undefined) throw new Error(`Cannot find server "${name}"`)
  return startPeer(peer, place, reloadSeconds)
}

function corefileOf(place: Place, reloadSeconds: number): CorefilePlace {
  const { clusterDns, health, metrics, outside, server } = place
  return {
    bind: [server.host],
    port: server.port,
    clusterDns: clusterDns.map(({ host, port }) => joinHostPort(host, port)).join(' '),
    upstreamDns: joinHostPort(outside.host, outside.port),
    metrics: metrics.bind,
    health,
    reloadSeconds,
  }
}

async function startDnslet(place: Place, reloadSeconds: number): Promise<SoakServer> {
  if (!existsSync(join(bin, '../../dist/main.js'))) {
    throw new Error('Cannot start dnslet: dist/main.js is missing, run "npm run build" first')
  }
  const plain = corefileOf(place, reloadSeconds)
  const asDeployed: CorefilePlace = {
    ...plain,
    bind: [place.server.host, place.intercepted.host],
    clusterDns: '__PILLAR__CLUSTER__DNS__',
    upstreamDns: '__PILLAR__UPSTREAM__SERVERS__',
    health: `${place.server.host}:8080`,
  }
  const text = (edition: number): string =>
    soakCorefile(place.intercepts ? asDeployed : plain, edition)
  const { running, corefile } = await place.startDnslet(text(0))
  return {
    name: 'dnslet',
    running,
    address: place.intercepted,
    metrics: place.metrics.url,
    edit: (edition) => writeFileSync(corefile, text(edition)),
  }
}

function startPeer({ name, command }: SoakPeer, place: Place, reloadSeconds: number): SoakServer {
  const { folder, server, metrics } = place
  const corefile = join(folder, 'Corefile')
  const plain = corefileOf(place, reloadSeconds)
  writeFileSync(corefile, soakCorefile(plain, 0))
  const running = place.spawn('node', ['sh', '-c', `exec ${command}`], {
    ...process.env,
    SOAK_COREFILE: corefile,
    SOAK_ADDRESS: server.host,
    SOAK_PORT: String(server.port),
    SOAK_CLUSTER_DNS: plain.clusterDns,
    SOAK_UPSTREAM_DNS: plain.upstreamDns,
    SOAK_DIR: folder,
  })
  return {
    name,
    running,
    address: server,
    metrics: metrics.url,
    edit: (edition) => writeFileSync(corefile, soakCorefile(plain, edition)),
  }
}

/** It rereads its configuration only with an empty cache: it has no reload here. */
function startUnbound(place: Place): SoakServer {
  const { clusterDns, folder, outside, server } = place
  const at = ({ host, port }: Endpoint): string => `${host}@${port}`
  const home = join(folder, 'unbound')
  mkdirSync(home)
  const file = join(home, 'unbound.conf')
  writeFileSync(
    file,
    `server:
  interface: ${at(server)}
  access-control: 0.0.0.0/0 allow
  num-threads: 1
  username: ""
  chroot: ""
  directory: "${home}"
  pidfile: ""
  use-syslog: no
  logfile: ""
  # Forward and cache, nothing else: no DNSSEC validation.
  module-config: "iterator"
  do-not-query-localhost: no
  # About the 2 x 9,984 entries of the others, and their bounds on TTLs.
  msg-cache-size: 5550k
  rrset-cache-size: 6m
  cache-max-ttl: 30
  cache-max-negative-ttl: 5
  num-queries-per-thread: 4096
  outgoing-range: 8192
remote-control:
  control-enable: no
forward-zone:
  name: "cluster.local."
  forward-tcp-upstream: yes
${clusterDns.map((one) => `  forward-addr: ${at(one)}\n`).join('')}forward-zone:
  name: "."
  forward-addr: ${at(outside)}
`,
  )
  const running = place.spawn('node', ['unbound', '-d', '-c', file])
  return { name: 'unbound', running, address: server, metrics: null, edit: null }
}

/** The link-local address on the node's loopback interface, for a server that makes no interface of its own. */
async function addAddress(place: Place): Promise<void> {
  const { host } = place.server
  const adding = place.spawn('node', ['ip', 'addr', 'add', `${host}/32`, 'dev', 'lo'])
  while (adding.ended() === null) await new Promise((resolve) => setTimeout(resolve, 10))
  if (adding.ended() !== 0) throw new Error(`Cannot add ${host}: ${adding.output()}`)
}
