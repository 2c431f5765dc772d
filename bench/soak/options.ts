import { parseArgs } from 'node:util'

import { builtinServers, type SoakPeer } from './servers.ts'

/** The command line of a soak, checked. */
export interface SoakOptions {
  readonly help: boolean
  readonly seconds: number
  /** Queries a second, to each server. */
  readonly rate: number
  /** Names, the one that is judged first. */
  readonly servers: readonly string[]
  readonly peers: readonly SoakPeer[]
  /** Seconds between two editions of the Corefile, and between two restarts of kube-dns pods. */
  readonly reloadEvery: number
  readonly restartEvery: number
  /** What runs in the kube-dns pods; null: the stand-in. */
  readonly upstream: string | null
  /** On 127.0.0.0/8, also where namespaces could be made. */
  readonly loopback: boolean
  readonly basePort: number
  readonly seed: number
  readonly text: string | null
  readonly json: string | null
}

export const usage: string = `Usage: npm run soak -- [options]

  --minutes N         how long (30)
  --seconds N         instead
  --rate N            queries a second to each server (2000)
  --servers A,B       some of ${builtinServers.join(', ')} (dnslet,unbound); the first one is judged
  --peer NAME=COMMAND a further server, which reads $SOAK_COREFILE; may be repeated
  --reload-every N    seconds between two changes of the Corefile (60)
  --restart-every N   seconds between two restarts of a kube-dns pod (120)
  --upstream COMMAND  what runs in the kube-dns pods and reads $SOAK_COREFILE: a CoreDNS (a stand-in)
  --loopback          on 127.0.0.0/8, as without root
  --base-port N       the first port there (26100)
  --seed N            another order of the same look-ups (1)
  --text FILE         write the report to a file as well
  --json FILE         write every figure to a file
  --help`

/** Less would not end before the next one begins. */
const LEAST_EVERY = 5

/** Reads the command line. Throws Error for anything it does not know. */
export function parseOptions(argv: readonly string[]): SoakOptions {
  const { values } = parseArgs({ args: [...argv], options: definitions, strict: true })
  const peers = values.peer.map(parsePeer)
  const chosen = values.servers.split(',').filter((name) => name !== '')
  for (const name of chosen) {
    if (!builtinServers.includes(name)) {
      throw new Error(`Cannot find server "${name}": known are ${builtinServers.join(', ')}`)
    }
  }
  const names = [...chosen, ...peers.map(({ name }) => name)]
  if (names.length === 0) throw new Error('Cannot soak: no server is chosen')
  const twice = names.find((name, i) => names.indexOf(name) !== i)
  if (twice !== undefined) throw new Error(`Cannot name two servers "${twice}"`)
  const { minutes, seconds } = values
  if (minutes !== undefined && seconds !== undefined) {
    throw new Error('Cannot read --minutes and --seconds: choose one of them')
  }
  return Object.freeze({
    help: values.help,
    seconds:
      seconds === undefined
        ? 60 * atLeast(1, 'minutes', minutes ?? '30')
        : atLeast(10, 'seconds', seconds),
    rate: atLeast(1, 'rate', values.rate),
    servers: names,
    peers,
    reloadEvery: atLeast(LEAST_EVERY, 'reload-every', values['reload-every']),
    restartEvery: atLeast(LEAST_EVERY, 'restart-every', values['restart-every']),
    upstream: values.upstream ?? null,
    loopback: values.loopback,
    basePort: port(values['base-port']),
    seed: atLeast(0, 'seed', values.seed),
    text: values.text ?? null,
    json: values.json ?? null,
  })
}

const definitions = {
  help: { type: 'boolean', default: false },
  minutes: { type: 'string' },
  seconds: { type: 'string' },
  rate: { type: 'string', default: '2000' },
  servers: { type: 'string', default: builtinServers.join(',') },
  peer: { type: 'string', multiple: true, default: [] as string[] },
  'reload-every': { type: 'string', default: '60' },
  'restart-every': { type: 'string', default: '120' },
  upstream: { type: 'string' },
  loopback: { type: 'boolean', default: false },
  'base-port': { type: 'string', default: '26100' },
  seed: { type: 'string', default: '1' },
  text: { type: 'string' },
  json: { type: 'string' },
} as const

function parsePeer(text: string): SoakPeer {
  const [, name, command] = /^([\w.-]+)=(.+)$/s.exec(text) ?? []
  if (name === undefined || command === undefined) {
    throw new Error(`Cannot read peer "${text}": expected name=command`)
  }
  if (builtinServers.includes(name)) {
    throw new Error(`Cannot name a peer "${name}": the name is taken`)
  }
  return { name, command }
}

function port(text: string): number {
  const value = atLeast(1, 'base-port', text)
  // Each server has ten.
  if (value > 65_000) throw new Error(`Cannot read --base-port "${text}": no such port`)
  return value
}

function atLeast(least: number, name: string, text: string): number {
  if (!/^\d{1,9}$/.test(text)) {
    throw new Error(`Cannot read --${name} "${text}": expected a whole number`)
  }
  if (Number(text) < least) {
    throw new Error(`Cannot read --${name} "${text}": expected at least ${least}`)
  }
  return Number(text)
}
