import { readFileSync } from 'node:fs'
import { basename } from 'node:path'

import { profileFile, readProfile, type SeccompProfile } from '../helpers/seccomp/profile.ts'

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
    readonly args: NonNullable<SeccompProfile['syscalls'][number]['args']> | null
    readonly errnoRet?: number
    readonly includes: Condition
    readonly excludes: Condition
  }[]
}

/** `seccompProfile` of a pod. */
export interface SeccompChoice {
  readonly type: string
  /** A file on the node, put there from deploy/seccomp. */
  readonly localhostProfile?: string
}

/** The filter that a container with these capabilities gets. */
export function seccompOf(
  { type, localhostProfile = '' }: SeccompChoice,
  capabilities: readonly string[],
): SeccompProfile {
  if (type === 'RuntimeDefault') return runtimeDefault(capabilities)
  if (type !== 'Localhost' || basename(localhostProfile) !== basename(profileFile))
    throw new Error(`The pod has no profile of deploy/: ${type} ${localhostProfile}`)
  return readProfile()
}

/** The calls that a profile allows, some of them perhaps with certain arguments only. */
export function allowedBy({ syscalls }: SeccompProfile): ReadonlySet<string> {
  const allowing = syscalls.filter(({ action }) => action === 'SCMP_ACT_ALLOW')
  return new Set(allowing.flatMap(({ names }) => names))
}

/** What `seccompProfile: RuntimeDefault` comes to for a container with these capabilities. */
export function runtimeDefault(capabilities: readonly string[]): SeccompProfile {
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
