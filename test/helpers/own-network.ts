import { createRequire } from 'node:module'
import { spawnSync } from 'node:child_process'

import { findTool } from './debian.ts'

const CLONE_NEWNET = 0x40000000

/**
 * Moves this process, its sockets and its children from now on into a network of their own, which
 * ends with them. Returns '' or why that cannot be. A test file is a process: call it first.
 */
export function enterOwnNetwork(): string {
  if (process.platform !== 'linux') return 'needs Linux'
  if (process.getuid?.() !== 0) return 'needs root'
  if (findTool('ip') === null) return 'needs ip'
  try {
    const koffi = createRequire(import.meta.url)('koffi') as typeof import('koffi')
    const unshare = koffi.load(null).func('int unshare(int flags)') as (flags: number) => number
    if (unshare(CLONE_NEWNET) !== 0) return 'may not make a network namespace'
  } catch {
    return 'needs koffi'
  }
  ip('link set lo up')
  return ''
}

/** Runs iproute2 and returns what it printed. Throws with its words where it fails. */
export function ip(command: string): string {
  const { status, stdout, stderr } = spawnSync(findTool('ip') ?? 'ip', command.split(' '), {
    encoding: 'utf8',
  })
  if (status !== 0) throw new Error(`ip ${command}: ${stderr}`)
  return stdout
}

/** A way out, as of a node with one interface: `node0` with 10.9.0.1 and fd09::1. */
export function addUplink(): void {
  ip('link add node0 type veth peer name node1')
  ip('link set node0 up')
  ip('link set node1 up')
  ip('address add 10.9.0.1/24 dev node0')
  ip('address add fd09::1/64 dev node0 nodad')
  ip('route add default via 10.9.0.2')
  ip('-6 route add default via fd09::2')
}
