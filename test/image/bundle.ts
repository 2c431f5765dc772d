import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import type { BuiltImage } from './build-image.ts'
import type { MemoryCgroup } from './memory-cgroup.ts'
import { type SeccompChoice, seccompOf } from './seccomp.ts'

/** Of a pod of deploy/ what its container's runtime is told. */
export interface PodSpec {
  readonly hostNetwork?: boolean
  readonly securityContext: {
    readonly runAsUser?: number
    readonly runAsGroup?: number
    readonly seccompProfile: SeccompChoice
    readonly sysctls?: readonly { readonly name: string; readonly value: string }[]
  }
  readonly containers: readonly [Container]
  readonly volumes: readonly Volume[]
}

interface Container {
  readonly args: readonly string[]
  readonly securityContext: {
    readonly runAsUser?: number
    readonly allowPrivilegeEscalation: boolean
    readonly readOnlyRootFilesystem: boolean
    readonly capabilities: { readonly drop: readonly string[]; readonly add?: readonly string[] }
  }
  readonly resources: { readonly limits: { readonly memory: string } }
  readonly volumeMounts: readonly {
    readonly name: string
    readonly mountPath: string
    readonly readOnly?: boolean
  }[]
}

interface Volume {
  readonly name: string
  readonly hostPath?: { readonly path: string; readonly type: string }
  readonly emptyDir?: { readonly medium?: string }
  readonly configMap?: { readonly name: string }
}

export interface BundleParts {
  readonly image: BuiltImage
  readonly pod: PodSpec
  /** Where the bundle and what belongs to the container alone go. */
  readonly folder: string
  /** Where what belongs to the pod goes, and is when its container is started again. */
  readonly volumes: string
  /** Stands in for the node's file system: what pods mount of it is here, by the volume's name. */
  readonly host: string
  /** Whether the node has the devices that the pod mounts. */
  readonly hasDevices: boolean
  readonly networkNamespace: string
  readonly env: Readonly<Record<string, string>>
  /** File name to text, for the volume that is mounted there. */
  readonly files: Readonly<Record<string, Readonly<Record<string, string>>>>
  readonly cgroup: MemoryCgroup
}

/** The pod's memory limit. */
export function memoryLimit({ containers }: PodSpec): number {
  return Number(/^(\d+)Mi$/.exec(containers[0].resources.limits.memory)?.[1]) * 1024 * 1024
}

/** Writes an OCI bundle that runs the pod's container as kubelet would have it run. */
export function writeBundle(parts: BundleParts): void {
  const { image, pod, folder } = parts
  const { securityContext: pods, containers } = pod
  const { securityContext: own } = containers[0]
  if (own.capabilities.drop.join() !== 'ALL') throw new Error('The pod does not drop ALL')
  const capabilities = (own.capabilities.add ?? []).map((name) => `CAP_${name}`)
  const uid = own.runAsUser ?? pods.runAsUser ?? 0
  const config = {
    ociVersion: '1.0.2',
    root: { path: image.rootfs, readonly: own.readOnlyRootFilesystem },
    hostname: 'dnslet-image',
    process: {
      user: { uid, gid: pods.runAsGroup ?? 0 },
      args: [...image.entrypoint, ...containers[0].args],
      env: [...image.env, ...Object.entries(parts.env).map(([name, value]) => `${name}=${value}`)],
      cwd: '/opt/dnslet',
      noNewPrivileges: !own.allowPrivilegeEscalation,
      // As containerd: a container's capabilities are neither inheritable nor ambient.
      capabilities: { bounding: capabilities, effective: capabilities, permitted: capabilities },
    },
    mounts: [
      ...systemMounts,
      bind(parts.cgroup.folder, parts.cgroup.mountPoint, ['ro']),
      ...resolvers(parts),
      ...volumeMounts(parts),
    ],
    linux: {
      namespaces: [
        ...['pid', 'ipc', 'uts', 'mount', 'cgroup'].map((type) => ({ type })),
        { type: 'network', path: `/run/netns/${parts.networkNamespace}` },
      ],
      sysctl: Object.fromEntries((pods.sysctls ?? []).map(({ name, value }) => [name, value])),
      seccomp: seccompOf(pods.seccompProfile, capabilities),
      maskedPaths: ['/proc/kcore', '/proc/keys', '/proc/timer_list', '/sys/firmware'],
      readonlyPaths: ['/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys', '/proc/sysrq-trigger'],
    },
  }
  writeFileSync(join(folder, 'config.json'), JSON.stringify(config))
}

const safe = ['nosuid', 'noexec', 'nodev']
const systemMounts = [
  { destination: '/proc', type: 'proc', source: 'proc' },
  { destination: '/dev', type: 'tmpfs', source: 'tmpfs', options: ['nosuid', 'mode=755'] },
  { destination: '/dev/shm', type: 'tmpfs', source: 'shm', options: [...safe, 'mode=1777'] },
  { destination: '/sys', type: 'sysfs', source: 'sysfs', options: [...safe, 'ro'] },
  { destination: '/sys/fs/cgroup', type: 'tmpfs', source: 'tmpfs', options: safe },
]

type Mount = (typeof systemMounts)[number]

function bind(source: string, destination: string, options: readonly string[] = []): Mount {
  return { destination, type: 'bind', source, options: ['rbind', ...options] }
}

/** The node's resolver, as `dnsPolicy: Default` has it. */
function resolvers({ folder, env }: BundleParts): Mount[] {
  const file = join(folder, 'resolv.conf')
  writeFileSync(file, `nameserver ${env['KUBE_DNS_UPSTREAM_SERVICE_HOST']}\n`)
  return [bind(file, '/etc/resolv.conf', ['ro'])]
}

function volumeMounts(parts: BundleParts): Mount[] {
  const { pod, volumes, files } = parts
  return pod.containers[0].volumeMounts.map(({ name, mountPath, readOnly = false }) => {
    const volume = pod.volumes.find((one) => one.name === name)
    if (volume === undefined) throw new Error(`The pod has no volume ${name}`)
    const { hostPath, configMap, emptyDir } = volume
    const options = readOnly || configMap !== undefined ? ['ro'] : []
    if (hostPath !== undefined) {
      return bind(hostSource(name, hostPath, parts), mountPath, options)
    }
    const source = join(volumes, name)
    mkdirSync(source, { recursive: true })
    // As kubelet makes them, for root: an emptyDir in memory is a tmpfs, whose own mode has a sticky bit.
    writeAll(source, files[name] ?? {}, emptyDir?.medium === 'Memory' ? 0o1777 : 0o777)
    return bind(source, mountPath, options)
  })
}

/** Devices are the machine's, everything else of the node is made as kubelet would make it. */
function hostSource(
  name: string,
  { path, type }: { readonly path: string; readonly type: string },
  { host, hasDevices }: BundleParts,
): string {
  if (path.startsWith('/dev/') && hasDevices) return path
  const source = join(host, name)
  if (type === 'FileOrCreate') writeFileSync(source, '')
  else if (type === 'DirectoryOrCreate') mkdirSync(source, { recursive: true, mode: 0o755 })
  else throw new Error(`The pod does not start where ${path} is missing (${type})`)
  return source
}

function writeAll(folder: string, files: Readonly<Record<string, string>>, mode: number): void {
  for (const [name, text] of Object.entries(files)) {
    writeFileSync(join(folder, name), text, { mode: 0o666 })
  }
  chmodSync(folder, mode)
  for (const name of Object.keys(files)) chmodSync(join(folder, name), 0o666)
}
