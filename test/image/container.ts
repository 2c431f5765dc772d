import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

import { parseManifests } from '../helpers/manifests.ts'
import { type Owner, type Running, startProcess, waitUntil } from '../helpers/processes.ts'
import type { BuiltImage } from './build-image.ts'
import { memoryLimit, type PodSpec, writeBundle } from './bundle.ts'
import { exec } from './exec.ts'
import { makeMemoryCgroup, type MemoryCgroup } from './memory-cgroup.ts'
import { KUBE_DNS, NODE_IP, type NodeStandIn, UPSTREAM } from './node-stand-in.ts'

export const LOCAL = '169.254.20.10'

/** A file of deploy/ after the sed line for iptables mode. */
export interface Manifest {
  readonly pod: PodSpec
  readonly corefileBase: string
}

export function readManifest(file: string): Manifest {
  const text = readFileSync(join(import.meta.dirname, '../../deploy', file), 'utf8')
    .replaceAll('__PILLAR__LOCAL__DNS__', LOCAL)
    .replaceAll('__PILLAR__DNS__DOMAIN__', 'cluster.local')
    .replaceAll('__PILLAR__DNS__SERVER__', KUBE_DNS)
  const objects = parseManifests(text)
  const spec = <T>(kind: string): T => objects.find((object) => object.kind === kind) as T
  return {
    pod: spec<{ spec: { template: { spec: PodSpec } } }>('DaemonSet').spec.template.spec,
    corefileBase: spec<{ data: { Corefile: string } }>('ConfigMap').data.Corefile,
  }
}

export interface ContainerParts {
  readonly image: BuiltImage
  readonly manifest: Manifest
  readonly node: NodeStandIn
  /** Names the container, among all that use the same folder. */
  readonly name: string
  readonly folder: string
  readonly hasDevices?: boolean
  /** The name of an earlier container of the same pod, whose volumes it gets. */
  readonly again?: string
}

/** A pod's container, as crun runs it. */
export interface Container {
  readonly running: Running
  readonly cgroup: MemoryCgroup
  /** Of its first process, as this machine sees it. */
  readonly pid: number
  /** Runs a program inside and returns what it says. */
  readonly run: (...words: readonly string[]) => string
  readonly kill: (signal: 'ALRM' | 'KILL' | 'TERM') => void
  /** Resolves with the exit code once it has ended. */
  readonly end: () => Promise<unknown>
}

/** Starts a pod of a manifest under its security settings, and in a memory cgroup with its limit. */
export async function startContainer(owner: Owner, parts: ContainerParts): Promise<Container> {
  const { image, manifest, node, name, folder, hasDevices = true, again = name } = parts
  const { pod, corefileBase } = manifest
  const [bundle, host] = [join(folder, name), join(folder, 'host')]
  for (const place of [bundle, host]) mkdirSync(place, { recursive: true })
  const id = `dnslet-image-${process.pid}-${name}`
  const cgroup = makeMemoryCgroup(owner, id, memoryLimit(pod))
  writeBundle({
    image,
    pod,
    folder: bundle,
    volumes: join(folder, again),
    host,
    hasDevices,
    networkNamespace: node.namespace,
    env: {
      NODE_IP,
      KUBERNETES_SERVICE_HOST: '10.96.0.1',
      KUBE_DNS_UPSTREAM_SERVICE_HOST: UPSTREAM,
    },
    files: { 'config-volume': { 'Corefile.base': corefileBase } },
    cgroup,
  })
  const state = ['--cgroup-manager', 'disabled', '--root', join(folder, 'crun')]
  const crun = (...words: readonly string[]): string =>
    exec('unshare', crunArguments([...state, ...words]))
  owner.after(() => void crun('delete', '--force', id))
  const enter = ['-c', 'echo $$ >"$0/cgroup.procs" && exec "$@"', cgroup.folder]
  const run = crunArguments([...state, 'run', '--bundle', bundle, id])
  const running = startProcess(owner, 'sh', [...enter, 'unshare', ...run])
  let pid = 0
  const hasStarted = (): boolean => (pid = pidOf(() => crun('state', id))) > 0
  await waitUntil('the container', hasStarted, running)
  return {
    running,
    cgroup,
    pid,
    run: (...words) => crun('exec', id, ...words),
    kill: (signal) => void crun('kill', id, signal),
    async end() {
      await waitUntil('its end', () => running.ended() !== null, undefined, 30)
      return running.ended()
    },
  }
}

/** 0 where crun does not know the container yet. */
function pidOf(state: () => string): number {
  try {
    return (JSON.parse(state()) as { pid: number }).pid
  } catch {
    return 0
  }
}

/**
 * crun refuses to start where cgroups of both versions have controllers. It gets to see version 1 alone:
 * limits are not its business here.
 */
function crunArguments(words: readonly string[]): string[] {
  const hide = 'umount /sys/fs/cgroup/unified 2>/dev/null; exec crun "$@"'
  return ['--mount', 'sh', '-c', hide, 'sh', ...words]
}
