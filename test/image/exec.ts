import { execFileSync } from 'node:child_process'

import { findTool } from '../helpers/debian.ts'

const MINUTE_MS = 60_000

/** Programs of `npm run image:test`, and the Debian package that brings each. */
const packages = {
  buildah: 'buildah',
  crun: 'crun',
  debootstrap: 'debootstrap',
  dig: 'bind9-dnsutils',
  dnsperf: 'dnsperf',
  ip: 'iproute2',
  nft: 'nftables',
  nsd: 'nsd',
  npm: 'npm',
  unshare: 'util-linux',
} as const

export type Program = keyof typeof packages

/** Throws with what to install, or that this is not root. */
export function requirePrograms(): void {
  if (process.getuid?.() !== 0) throw new Error('Cannot test the image: this needs root')
  const missing = (Object.keys(packages) as Program[]).filter((name) => findTool(name) === null)
  if (missing.length === 0) return
  const names = missing.map((name) => packages[name]).join(' ')
  throw new Error(`Cannot test the image: ${missing.join(', ')} missing; apt-get install ${names}`)
}

interface ExecOptions {
  /** After which it is killed. */
  readonly minutes?: number
  /** Standard input. */
  readonly input?: string
}

/**
 * Runs a program to its end and returns what it wrote to standard output, without the last line feed.
 * Throws with the end of its standard error where it fails, or takes longer than a minute.
 */
export function exec(
  program: Program,
  args: readonly string[],
  { minutes = 1, input = '' }: ExecOptions = {},
): string {
  const file = findTool(program) ?? program
  const timeout = minutes * MINUTE_MS
  try {
    return execFileSync(file, [...args], {
      encoding: 'utf8',
      timeout,
      input,
      stdio: ['pipe', 'pipe', 'pipe'],
      maxBuffer: 2 ** 26,
    }).trimEnd()
  } catch (error) {
    const { stdout, stderr, message } = error as Error & { stdout?: string; stderr?: string }
    const said = `${stdout ?? ''}\n${stderr ?? ''}`.trim().split('\n').slice(-20).join('\n')
    throw new Error(`${program} ${args.join(' ')}: ${said || message}`, { cause: error })
  }
}
