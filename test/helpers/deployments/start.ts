import { chmodSync, cpSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'

import { bin } from '../dnslet.ts'
import { temporaryFolder } from '../nsd.ts'
import { type Owner, type Running, startProcess } from '../processes.ts'
import { type Deployment, flag, writeFiles } from './deployment.ts'

/** What a container runtime leaves to everybody, as names of setpriv. */
const usual =
  'chown dac_override fowner fsetid kill setgid setuid setpcap net_bind_service net_raw sys_chroot ' +
  'mknod audit_write setfcap'

/** A deployment that was started, on a node or in a pod that nothing else is on. */
export interface Started {
  readonly process: Running
  /** Towards other machines. */
  readonly address: string
}

/** Starts dnslet with the deployment's arguments, or others, among its files. */
export function startDeployment(
  owner: Owner,
  deployment: Deployment,
  n: number,
  args: readonly string[] = deployment.args,
): Started {
  const folder = temporaryFolder(owner)
  writeContainer(folder, deployment)
  const variable = (flag(args, 'upstreamsvc') ?? 'none').toUpperCase().replaceAll('-', '_')
  const env = { ...process.env, [`${variable}_SERVICE_HOST`]: deployment.service }
  // It is killed, not ended: what it would write of its coverage is lost.
  delete env['NODE_V8_COVERAGE']
  const script = [...network(deployment, n), ...mounts(deployment), 'exec "$@"'].join('\n')
  const unshared = ['--net', '--mount', '--propagation', 'private', 'sh', '-ec', script, folder]
  const command = [...unshared, ...rights(deployment), bin, ...args]
  owner.after(() => {
    if (running.ended() === null) process.kill(running.pid, 'SIGKILL')
  })
  const running = startProcess(owner, 'unshare', command, env)
  const isIPv6 = flag(args, 'localip')?.includes(':') ?? false
  return { process: running, address: isIPv6 ? `fd20:${n}::2` : `10.200.${n}.2` }
}

/** A container's /etc, in a folder. */
function writeContainer(folder: string, { files, mounts: paths }: Deployment): void {
  chmodSync(folder, 0o755)
  writeFiles(folder, files)
  for (const mount of paths) mkdirSync(join(folder, mount.split(' ')[0]!), { recursive: true })
  // Debian's links to the programs of iptables, its users.
  for (const name of ['alternatives', 'passwd', 'group', 'hosts', 'protocols', 'services'])
    cpSync(join('/etc', name), join(folder, 'etc', name), {
      recursive: true,
      verbatimSymlinks: true,
    })
}

/** Commands that connect a node with this process's own network. */
function network({ addresses }: Deployment, n: number): string[] {
  const own = [`10.200.${n}.2/24`, `fd20:${n}::2/64 nodad`, ...addresses]
  const gateways = [`10.200.${n}.1`, `fd20:${n}::1`]
  return [
    `ip -batch - <<'END'`,
    'link set lo up',
    `link add eth0 type veth peer name node${n} netns ${process.pid}`,
    ...own.map((address) => `address add ${address} dev eth0`),
    'link set eth0 up',
    'END',
    `nsenter -t ${process.pid} -n ip -batch - <<'END'`,
    `address add ${gateways[0]}/24 dev node${n}`,
    `address add ${gateways[1]}/64 dev node${n} nodad`,
    `link set node${n} up`,
    'END',
    ...gateways.map((gateway) => `ip route add default via ${gateway}`),
  ]
}

/** Commands that put the files where they are in a container; $0 is their folder. */
function mounts({ mounts: paths }: Deployment): string[] {
  const readOnly = paths.filter((path) => !path.endsWith(' rw'))
  return [
    ...readOnly.map((path) => `mount --bind "$0${path}" "$0${path}"`),
    ...readOnly.map((path) => `mount -o remount,bind,ro "$0${path}"`),
    'mount --rbind "$0/etc" /etc',
    'mount -t tmpfs tmpfs /run',
    'touch /run/xtables.lock',
  ]
}

/** The words that take from a container's process what it is not given; none where it is privileged. */
function rights({ capabilities }: Deployment): string[] {
  if (capabilities === null) return []
  const left = [...usual.split(' '), ...capabilities.map((name) => name.toLowerCase())]
  return ['setpriv', '--bounding-set', ['-all', ...left.map((name) => `+${name}`)].join(',')]
}
