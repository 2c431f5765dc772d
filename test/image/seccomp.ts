import { readFileSync } from 'node:fs'

/** The profile that container engines on Debian call their default (golang-github-containers-common). */
const PROFILE = '/usr/share/containers/seccomp.json'

interface Condition {
  readonly caps?: readonly string[]
  readonly arches?: readonly string[]
  readonly minKernel?: string
}

interface Profile {
  readonly defaultAction: string
  readonly defaultErrnoRet: number
  readonly archMap: readonly {
    readonly architecture: string
    readonly subArchitectures: string[]
  }[]
  readonly syscalls: readonly {
    readonly names: readonly string[]
    readonly action: string
    readonly args: readonly unknown[] | null
    readonly errnoRet?: number
    readonly includes: Condition
    readonly excludes: Condition
  }[]
}

/** What `seccompProfile: RuntimeDefault` comes to for a container with these capabilities. */
export function runtimeDefault(capabilities: readonly string[]): object {
  const profile = JSON.parse(readFileSync(PROFILE, 'utf8')) as Profile
  const arch = { x64: 'amd64', arm64: 'arm64' }[process.arch as string] ?? ''
  const native = { amd64: 'SCMP_ARCH_X86_64', arm64: 'SCMP_ARCH_AARCH64' }[arch]
  const architectures = profile.archMap
    .filter(({ architecture }) => architecture === native)
    .flatMap(({ architecture, subArchitectures }) => [architecture, ...subArchitectures])
  const holds = ({ caps = [], arches = [] }: Condition, all: boolean): boolean =>
    all
      ? caps.every((cap) => capabilities.includes(cap)) &&
        (arches.length === 0 || arches.includes(arch))
      : !caps.some((cap) => capabilities.includes(cap)) && !arches.includes(arch)
  return {
    defaultAction: profile.defaultAction,
    defaultErrnoRet: profile.defaultErrnoRet,
    architectures,
    syscalls: profile.syscalls
      .filter(({ includes, excludes }) => holds(includes, true) && holds(excludes, false))
      .map(({ names, action, args, errnoRet }) => ({
        names,
        action,
        ...(args === null ? {} : { args }),
        ...(errnoRet === undefined ? {} : { errnoRet }),
      })),
  }
}
