import { compileBlocks } from '../daemon/compile.ts'
import { CorefileSource } from '../daemon/corefile-source.ts'
import { joinHostPort } from '../daemon/identity.ts'
import { ByteBudget } from '../lib/byte-budget.ts'
import { Clock } from '../lib/clock.ts'
import { Holds } from '../lib/holds.ts'
import type { Log } from '../lib/log.ts'
import { knownDirectives } from '../plugins/index.ts'
import type { Services } from '../serve/plugin.ts'

/** What `dnslet check` shows of a compiled server block. */
export interface CheckedBlock {
  readonly keys: readonly { readonly zone: string; readonly port: number }[]
  /** Addresses to listen on; '' is every local one. */
  readonly addresses: readonly string[]
  /** In chain order. */
  readonly stages: readonly {
    readonly name: string
    readonly stage: { describe?(): readonly string[] }
  }[]
}

/**
 * `dnslet check`: compiles a Corefile as `dnslet serve` would, opens nothing, and returns what it
 * means. Warnings go to standard error. Throws what `serve` would refuse to start with.
 *
 * @param corefile a path, `stdin`, or '' for ./Corefile
 * @param port port of server blocks that name none
 */
export function check(corefile: string, port: number): string {
  const warn = (message: string): void => void process.stderr.write(`${message}\n`)
  const source = new CorefileSource(corefile, {
    directives: knownDirectives,
    env: process.env,
    warn,
  })
  const { file, blocks } = source.load()
  const services = idleServices(warn)
  const compiled = compileBlocks(blocks, { port, services, warn, panicked: () => {} })
  const count = compiled.length === 1 ? '1 server block' : `${compiled.length} server blocks`
  return `${file} is valid: ${count}\n\n${renderCheck(compiled)}`
}

/**
 * Compiled server blocks as text: zones, listeners (UDP and TCP each), then the plugins in the order
 * a query meets them, whatever the order in the Corefile, with their settings and upstreams.
 */
export function renderCheck(blocks: readonly CheckedBlock[]): string {
  return blocks.map(renderBlock).join('\n\n')
}

function renderBlock({ keys, addresses, stages }: CheckedBlock): string {
  const zones = keys.map(({ zone, port }) => `${zone}:${port}`)
  const ports = [...new Set(keys.map(({ port }) => port))]
  const listeners = ports.flatMap((port) => addresses.map((host) => joinHostPort(host, port)))
  const width = Math.max(...stages.map(({ name }) => name.length)) + 2
  const plugins = stages.flatMap(({ name, stage }) => {
    const [first = '', ...more] = stage.describe?.() ?? []
    return [`${name.padEnd(width)}${first}`, ...more.map((line) => ' '.repeat(width) + line)]
  })
  return [
    zones.join(' '),
    `  listens on ${listeners.join(' ')}`,
    ...plugins.map((line) => `    ${line}`.trimEnd()),
  ].join('\n')
}

/** What plugins may ask for while they are set up and nothing runs. */
function idleServices(warn: (message: string) => void): Services {
  const silent = (): void => {}
  const log: Log = {
    debug: silent,
    info: silent,
    warning: warn,
    error: warn,
    fatal: warn,
    plugin: (name) => ({ ...log, warning: (message) => warn(`plugin/${name}: ${message}`) }),
  }
  return {
    clock: new Clock(),
    log,
    cacheBudget: new ByteBudget(Infinity),
    keep: (_key, make) => make(),
    watchCorefile: silent,
    fatal: silent,
    selfCheck: () => Promise.resolve(null),
    readiness: new Holds(),
    untilIdle: () => Promise.resolve(true),
  }
}
