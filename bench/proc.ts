import { readFileSync, readdirSync } from 'node:fs'

/** CPU time of a process, all threads. */
export interface CpuTime {
  /** Time on a core, from schedstat: exact. */
  readonly nanoseconds: number
  /** Clock ticks (10 ms) in user and in system mode: used only to split `nanoseconds`. */
  readonly userTicks: number
  readonly systemTicks: number
}

/** Resident memory in KiB. */
export interface Memory {
  readonly rss: number
  readonly rssAnon: number
}

/** CPU time of the process `pid` and of its descendants since they started. */
export function readCpuTime(pid: number): CpuTime {
  let [nanoseconds, userTicks, systemTicks] = [0, 0, 0]
  for (const member of processTree(pid)) {
    for (const file of taskFiles(member, 'schedstat')) nanoseconds += parseSchedstat(file)
    const ticks = parseStat(readFileSync(`/proc/${member}/stat`, 'utf8'))
    userTicks += ticks.user
    systemTicks += ticks.system
  }
  return { nanoseconds, userTicks, systemTicks }
}

/** Memory of the process `pid` and of its descendants; pages they share count once for each. */
export function readMemory(pid: number): Memory {
  let [rss, rssAnon] = [0, 0]
  for (const member of processTree(pid)) {
    const memory = parseStatus(readFileSync(`/proc/${member}/status`, 'utf8'))
    // A child that has ended, and nobody has asked for its status yet.
    if (Number.isNaN(memory.rss) && member !== pid) continue
    rss += memory.rss
    rssAnon += memory.rssAnon
  }
  return { rss, rssAnon }
}

/** How often the threads of the process `pid` and of its descendants have slept: each was woken after it. */
export function readSleeps(pid: number): number {
  return processTree(pid)
    .flatMap((member) => taskFiles(member, 'status'))
    .reduce((sum, status) => sum + parseSleeps(status), 0)
}

/** A peer may be started through a script or fork workers: all of them are the server. */
function processTree(pid: number): number[] {
  const children = taskFiles(pid, 'children').flatMap((file) => file.split(' ').filter(Boolean))
  return [pid, ...children.flatMap((child) => processTree(Number(child)))]
}

/** One file of each thread; a thread that ends meanwhile is left out. */
function taskFiles(pid: number, name: string): string[] {
  return readdirSync(`/proc/${pid}/task`).flatMap((task) => {
    try {
      return [readFileSync(`/proc/${pid}/task/${task}/${name}`, 'utf8')]
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      if (code === 'ENOENT' || code === 'ESRCH') return []
      throw error
    }
  })
}

/** Nanoseconds on a core: the first number of a schedstat file. */
export function parseSchedstat(text: string): number {
  return Number.parseInt(text, 10)
}

/** Fields 14 and 15 of proc(5)'s stat; the command before them may contain spaces and brackets. */
export function parseStat(text: string): { user: number; system: number } {
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  return { user: Number(fields.at(11)), system: Number(fields.at(12)) }
}

/** VmRSS and RssAnon of proc(5)'s status. */
export function parseStatus(text: string): Memory {
  return { rss: kibibytes(text, 'VmRSS'), rssAnon: kibibytes(text, 'RssAnon') }
}

/** The voluntary context switches of proc(5)'s status. */
export function parseSleeps(text: string): number {
  return field(text, 'voluntary_ctxt_switches', '')
}

function kibibytes(text: string, label: string): number {
  return field(text, label, ' kB')
}

function field(text: string, label: string, unit: string): number {
  return Number(new RegExp(`^${label}:\\s+(\\d+)${unit}$`, 'm').exec(text)?.at(1) ?? NaN)
}
