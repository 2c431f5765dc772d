import { readFileSync } from 'node:fs'
import { manners } from '../../load/clients/index.ts'

/** What this process and machine allow. */
export interface Limits {
  /** Descriptors this process may have open. */
  readonly descriptors: number
  /** Source ports the kernel gives away. */
  readonly ports: number
  /** Threads of Node's pool. */
  readonly threads: number
}

/** What the process has open beside its look-ups: its files, the event loop, standard streams. */
const OWN_DESCRIPTORS = 64
/** libuv's default, and its most. */
const THREADS = 4
const MAX_THREADS = 1024
/** Places for queries on the sockets of `raw`. */
const MAX_RAW = 100_000

/** Reads them from /proc and the environment; what cannot be read is not limited here. */
export function readLimits(env: NodeJS.ProcessEnv = process.env): Limits {
  const [, soft = ''] = /^Max open files\s+(\S+)/m.exec(read('/proc/self/limits')) ?? []
  const [first = '1024', last = '65535'] = read('/proc/sys/net/ipv4/ip_local_port_range')
    .trim()
    .split(/\s+/)
  const threads = Number(env['UV_THREADPOOL_SIZE'] ?? THREADS)
  return {
    descriptors: /^\d+$/.test(soft) ? Number(soft) : Infinity,
    ports: Number(last) - Number(first || '1024') + 1 || 64_512,
    threads: Math.max(1, Math.min(Number.isInteger(threads) ? threads : THREADS, MAX_THREADS)),
  }
}

/** Why so many look-ups at a time are not possible with a client, or null. */
export function capacityProblem(
  client: string,
  concurrency: number,
  limits: Limits,
): string | null {
  if (client === 'system') return threadProblem(concurrency, limits)
  if (client === 'raw') {
    return concurrency <= MAX_RAW
      ? null
      : `-c ${concurrency} is more than raw can have under way: at most ${MAX_RAW}`
  }
  const each = manners.find(({ name }) => name === client)?.descriptors ?? 1
  const fit = Math.floor((limits.descriptors - OWN_DESCRIPTORS) / each)
  if (concurrency > fit) {
    return (
      `-c ${concurrency} with -client ${client} needs ${concurrency * each} sockets, and this process ` +
      `may have ${limits.descriptors} files open (ulimit -n): at most -c ${Math.max(0, fit)} fits`
    )
  }
  const fitPorts = Math.floor(limits.ports / each)
  if (concurrency <= fitPorts) return null
  return (
    `-c ${concurrency} with -client ${client} needs ${concurrency * each} source ports, and this machine ` +
    `has ${limits.ports} (net.ipv4.ip_local_port_range): at most -c ${fitPorts} fits`
  )
}

/** libuv lets half of its threads wait for look-ups. */
function threadProblem(concurrency: number, { threads }: Limits): string | null {
  const fit = Math.floor((threads + 1) / 2)
  if (concurrency <= fit) return null
  const most = MAX_THREADS / 2
  const remedy =
    concurrency <= most
      ? `UV_THREADPOOL_SIZE=${2 * concurrency} in the environment helps`
      : `at most -c ${most} fits, with UV_THREADPOOL_SIZE=${MAX_THREADS} in the environment`
  return (
    `-c ${concurrency} with -client system needs as many threads, and Node.js has ${threads}, ` +
    `of which half may wait for names: ${remedy}`
  )
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}
