import { readFileSync } from 'node:fs'
import { join } from 'node:path'

/** `linux.seccomp` of the OCI runtime's specification, which `localhostProfile` takes: what we use of it. */
export interface SeccompProfile {
  readonly defaultAction: string
  readonly defaultErrnoRet?: number
  readonly architectures: readonly string[]
  readonly syscalls: readonly SeccompRule[]
}

interface SeccompRule {
  readonly names: readonly string[]
  readonly action: string
  readonly errnoRet?: number
  /** All have to hold. */
  readonly args?: readonly {
    readonly index: number
    readonly op: string
    readonly value: number
    readonly valueTwo?: number
  }[]
}

/** The file that deploy/README.md has put on nodes. */
export const profileFile: string = join(import.meta.dirname, '../../../deploy/seccomp/dnslet.json')

export function readProfile(file: string = profileFile): SeccompProfile {
  return JSON.parse(readFileSync(file, 'utf8')) as SeccompProfile
}
