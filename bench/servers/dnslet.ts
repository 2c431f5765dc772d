import { existsSync } from 'node:fs'
import { join } from 'node:path'

import { renderConfig } from './render.ts'
import { type Place, type Server, environment, metricsPort } from './server.ts'

const root = join(import.meta.dirname, '../..')

/** dnslet with its batched UDP sockets. */
export function dnslet(place: Place): Server {
  return build('dnslet', place, {})
}

/** dnslet with the sockets of node:dgram. */
export function dnsletDgram(place: Place): Server {
  return build('dnslet-dgram', place, { DNSLET_UDP: 'dgram' })
}

function build(name: string, place: Place, env: Record<string, string>): Server {
  if (!existsSync(join(root, 'dist/main.js'))) {
    throw new Error(`Cannot start ${name}: dist/main.js is missing, run "npm run build" first`)
  }
  const program = join(root, 'bin/dnslet')
  return {
    name,
    port: place.port,
    argv: [program, ...nodeCacheFlags(place)],
    // Never the successor of a dnslet that runs on this machine.
    env: { ...environment(place), DNSLET_STATE_DIR: '', ...env },
    versionArgv: [program, '-localip', '127.0.0.1', '-version'],
  }
}

/** node-cache's flags, as a DaemonSet gives them, but with no change to the machine's network. */
function nodeCacheFlags(place: Place): string[] {
  return [
    '-localip',
    '127.0.0.1',
    '-setupinterface=false',
    '-setupiptables=false',
    '-metrics-listen-address',
    `127.0.0.1:${metricsPort(place.port) + 100}`,
    '-conf',
    renderConfig('dnslet.Corefile', place),
  ]
}
