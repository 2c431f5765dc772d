import { accessSync, constants, existsSync, rmSync, writeFileSync } from 'node:fs'
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'

/** Programs that suites run, and the Debian package that brings each. */
const packages = {
  chromium: 'chromium',
  conntrack: 'conntrack',
  curl: 'curl',
  dig: 'bind9-dnsutils',
  'dnstap-ldns': 'dnstap-ldns',
  dnsperf: 'dnsperf',
  fstrm_capture: 'fstrm-bin',
  ip: 'iproute2',
  'iptables-nft': 'iptables',
  kdig: 'knot-dnsutils',
  nft: 'nftables',
  nsd: 'nsd',
  openssl: 'openssl',
  prometheus: 'prometheus',
  promtool: 'prometheus',
  sysctl: 'procps',
  unbound: 'unbound',
} as const

export type Tool = keyof typeof packages

export const tools: readonly Tool[] = Object.keys(packages) as Tool[]

/** Servers are installed in sbin, which an ordinary user's PATH leaves out. */
const path = `${process.env['PATH'] ?? ''}:/usr/local/sbin:/usr/sbin:/sbin`

/** Where `tool` is installed, or null. */
export function findTool(tool: string): string | null {
  for (const folder of path.split(':')) {
    const file = join(folder, tool)
    try {
      accessSync(file, constants.X_OK)
      return file
    } catch {
      // Not in this folder.
    }
  }
  return null
}

/** Tools of this list that are not installed. */
export function missingTools(wanted: readonly Tool[] = tools): Tool[] {
  return wanted.filter((tool) => findTool(tool) === null)
}

/**
 * For the `skip` option of a suite: false where all `wanted` are installed, else the reason.
 * `describe('…', { skip: requireTools('nsd', 'dig') }, …)`
 */
export function requireTools(...wanted: Tool[]): string | false {
  const missing = missingTools(wanted)
  return missing.length === 0 ? false : `needs ${missing.join(', ')}`
}

/** What to type to get `missing`. */
export function installCommand(missing: readonly Tool[]): string {
  return `apt-get install ${packagesOf(missing).join(' ')}`
}

/** True where this process may install packages: Debian's apt and root. */
export function mayInstall(): boolean {
  return process.getuid?.() === 0 && findTool('apt-get') !== null
}

/**
 * Installs the packages of `missing` without a question. Their services do not start: no suite
 * wants them, and they would take port 53. Returns null, or the last line apt said.
 */
export function installTools(missing: readonly Tool[]): string | null {
  const allow = forbidServices()
  try {
    return (
      apt(['update', '-qq']) ??
      apt(['install', '-qq', '--yes', '--no-install-recommends', ...packagesOf(missing)])
    )
  } finally {
    allow()
  }
}

function packagesOf(missing: readonly Tool[]): string[] {
  return [...new Set(missing.map((tool) => packages[tool]))]
}

function apt(args: readonly string[]): string | null {
  const { status, stderr, error } = spawnSync('apt-get', args, {
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    encoding: 'utf8',
    stdio: ['ignore', 'ignore', 'pipe'],
    timeout: 600_000,
  })
  if (status === 0) return null
  return error?.message ?? stderr.trim().split('\n').at(-1) ?? `apt-get ended with ${status}`
}

/** Debian asks this file before a package starts its service; 101 means no. */
const POLICY = '/usr/sbin/policy-rc.d'

function forbidServices(): () => void {
  if (existsSync(POLICY)) return () => {}
  writeFileSync(POLICY, '#!/bin/sh\nexit 101\n', { mode: 0o755 })
  return () => rmSync(POLICY, { force: true })
}
