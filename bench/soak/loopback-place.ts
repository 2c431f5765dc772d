import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { bin } from '../../test/helpers/dnslet.ts'
import { type Owner, startProcess } from '../../test/helpers/processes.ts'
import { OWN_SESSION, type Place, PODS, removeAtExit } from './place.ts'

const SERVER = '127.0.0.1'
const CLIENTS = 20
/** Ports of a place. */
export const PORTS_EACH = 10

/** Addresses of 127.0.0.0/8, for who may not make namespaces: no Service, no rules, no interface. */
export function loopbackPlace(owner: Owner, basePort: number): Place {
  const folder = mkdtempSync(join(tmpdir(), 'dnslet-soak-'))
  const ends: (() => Promise<void> | void)[] = []
  const own: Owner = { after: (end) => void ends.unshift(end) }
  own.after(() => rmSync(folder, { recursive: true, force: true }))
  const keep = removeAtExit(folder)
  const server = { host: SERVER, port: basePort }
  const pods = Array.from({ length: PODS }, (_, i) => ({
    host: `127.0.0.${11 + i}`,
    port: basePort + 1,
  }))
  const metrics = `${SERVER}:${basePort + 3}`
  const place: Place = {
    describe: 'addresses of 127.0.0.0/8, without interface, rules and Service',
    folder,
    intercepted: server,
    server,
    clients: Array.from({ length: CLIENTS }, (_, i) => `127.0.1.${1 + i}`),
    pods,
    outside: { host: '127.0.0.21', port: basePort + 2 },
    clusterDns: pods,
    metrics: { bind: metrics, url: `http://${metrics}/metrics` },
    health: `${SERVER}:${basePort + 4}`,
    intercepts: false,
    owner: own,
    spawn(_, argv, env) {
      const [command = '', ...args] = [...OWN_SESSION, ...argv]
      return startProcess(own, command, args, env)
    },
    startDnslet(text) {
      const corefile = join(folder, 'Corefile')
      writeFileSync(corefile, text)
      const setup = ['-setupinterface=false', '-setupiptables=false']
      const args = ['-localip', SERVER, ...setup, '-metrics-listen-address', `${SERVER}:0`]
      const env = { ...process.env, DNSLET_STATE_DIR: '' }
      const running = place.spawn('node', [bin, ...args, '-conf', corefile], env)
      return Promise.resolve({ running, corefile })
    },
    async close() {
      keep()
      for (let end = ends.shift(); end !== undefined; end = ends.shift()) await end()
    },
  }
  owner.after(() => place.close())
  return place
}
