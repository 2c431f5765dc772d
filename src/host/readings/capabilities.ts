import { mapReading, readText, type Reading } from './reading.ts'

/** Bits of the capabilities that dnslet has a use for (linux/capability.h). */
const bits = {
  DAC_OVERRIDE: 1,
  NET_BIND_SERVICE: 10,
  NET_ADMIN: 12,
  NET_RAW: 13,
  SYS_PTRACE: 19,
  SYS_ADMIN: 21,
} as const

export type Capability = keyof typeof bits

/** What /proc/<pid>/status says of a process. */
export interface ProcessStatus {
  /** `R`, `S`; `T` for one that was stopped (SIGSTOP), `Z` for one that is dead. */
  readonly state: string
  /** Effective capabilities, of those that matter here. */
  readonly capabilities: ReadonlySet<Capability>
}

/** @param pid a number, or `self` */
export function readProcessStatus(pid: number | 'self', root = '/'): Reading<ProcessStatus> {
  return mapReading(readText(`/proc/${pid}/status`, root, 65_536), processStatus)
}

/** The lines `State:` and `CapEff:`; a name of a process, `Name:`, is the first line and escapes newlines. */
export function processStatus(text: string): ProcessStatus {
  const effective = /^CapEff:\s*([0-9a-f]{1,16})$/m.exec(text)?.[1] ?? '0'
  const mask = BigInt(`0x${effective}`)
  const held = Object.entries(bits).filter(([, bit]) => (mask >> BigInt(bit)) % 2n === 1n)
  return {
    state: /^State:\s*([A-Za-z])/m.exec(text)?.[1] ?? '',
    capabilities: new Set(held.map(([name]) => name as Capability)),
  }
}
