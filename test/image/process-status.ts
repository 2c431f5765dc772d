import { readFileSync } from 'node:fs'

/** Bits of the sets in /proc/PID/status, from linux/capability.h; the ones that may turn up here. */
const names: Readonly<Record<number, string>> = {
  0: 'CHOWN',
  1: 'DAC_OVERRIDE',
  6: 'SETGID',
  7: 'SETUID',
  10: 'NET_BIND_SERVICE',
  12: 'NET_ADMIN',
  13: 'NET_RAW',
  18: 'SYS_CHROOT',
  21: 'SYS_ADMIN',
}

export interface ProcessStatus {
  readonly pid: number
  /** The program's command line. */
  readonly words: readonly string[]
  readonly uid: number
  /** CapEff, CapPrm and so on, each as a list of names without CAP_. */
  readonly capabilities: Readonly<Record<string, readonly string[]>>
  readonly noNewPrivileges: boolean
  readonly isFiltered: boolean
  readonly hasReadOnlyRoot: boolean
  readonly rssMiB: number
  readonly peakRssMiB: number
  readonly anonMiB: number
}

/** What the kernel says about a process, as this namespace sees it. */
export function readStatus(pid: number): ProcessStatus {
  const text = readFileSync(`/proc/${pid}/status`, 'utf8')
  const field = (name: string): string =>
    new RegExp(`^${name}:\\s+(\\S+)`, 'm').exec(text)?.[1] ?? ''
  const sets = ['CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb']
  const root = /^\d+ \d+ \S+ \S+ \/ (\S+)/m.exec(readFileSync(`/proc/${pid}/mountinfo`, 'utf8'))
  return {
    pid,
    words: readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').slice(0, -1),
    uid: Number(field('Uid')),
    capabilities: Object.fromEntries(sets.map((set) => [set, decode(field(set))])),
    noNewPrivileges: field('NoNewPrivs') === '1',
    isFiltered: field('Seccomp') === '2',
    hasReadOnlyRoot: (root?.[1] ?? '').split(',').includes('ro'),
    rssMiB: mebi(field('VmRSS')),
    peakRssMiB: mebi(field('VmHWM')),
    anonMiB: mebi(field('RssAnon')),
  }
}

function mebi(kibibytes: string): number {
  return Math.round(Number(kibibytes) / 1024)
}

function decode(hex: string): string[] {
  const bits = BigInt(`0x${hex}`)
  return Array.from({ length: 64 }, (_, bit) => bit)
    .filter((bit) => ((bits >> BigInt(bit)) & 1n) === 1n)
    .map((bit) => names[bit] ?? `bit ${bit}`)
}
