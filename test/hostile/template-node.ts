import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import { mountConfigMap } from '../helpers/config-map.ts'
import { bin } from '../helpers/dnslet.ts'
import { temporaryFolder } from '../helpers/nsd.ts'
import { freePort } from '../helpers/ports.ts'
import { answers } from '../helpers/probe.ts'
import { type Owner, type Running, startProcess, waitUntil } from '../helpers/processes.ts'

/** A node whose Corefile is made of a base file and the kube-dns ConfigMap; nothing was served before. */
export interface TemplateNode {
  readonly port: number
  readonly conf: string
  /** Puts the ConfigMap's keys in place, as kubelet does. */
  mount(keys: Readonly<Record<string, string>>): void
  /** Starts the daemon; resolves once it answers. */
  serve(): Promise<Running>
}

/** Its one server block forwards to the upstream servers, by default to a port where nobody is. */
export async function templateNode(owner: Owner): Promise<TemplateNode> {
  const folder = temporaryFolder(owner)
  const port = await freePort()
  const base = join(folder, 'Corefile.base')
  const conf = join(folder, 'Corefile')
  const kubeDns = join(folder, 'kube-dns')
  const pidfile = join(folder, 'pid')
  mkdirSync(kubeDns)
  writeFileSync(base, `.:${port} {\n  bind 127.0.0.1\n  errors\n  forward . 127.0.0.1:9\n}\n`)
  return {
    port,
    conf,
    mount: (keys) => mountConfigMap(kubeDns, keys),
    async serve() {
      const args = [
        `-localip 127.0.0.1 -conf ${conf} -basecorefile ${base} -kubednscm ${kubeDns}`,
        `-dns.port ${port} -metrics-listen-address 127.0.0.1:0 -syncinterval 1s -log-format text`,
        `-setupinterface=false -setupiptables=false -pidfile ${pidfile}`,
      ].flatMap((line) => line.split(' '))
      const env = { ...process.env, DNSLET_STATE_DIR: join(folder, 'state') }
      const daemon = startProcess(owner, bin, args, env)
      await waitUntil('dnslet', () => answers('127.0.0.1', port, 'ready.test'), daemon)
      // It answers before its start is over; what it writes is written by then.
      await waitUntil('the pid file', () => existsSync(pidfile), daemon)
      return daemon
    },
  }
}
