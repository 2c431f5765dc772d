import { constants, type Dir } from 'node:fs'
import { open, opendir } from 'node:fs/promises'
import { isIP } from 'node:net'
import { join } from 'node:path'
import { canonicalAddress } from '../../lib/address.ts'

const { O_NOFOLLOW, O_NONBLOCK, O_RDONLY } = constants
/** Where libcni keeps what its plugins have answered, for containerd and CRI-O alike. */
const DEFAULT_FOLDER = '/var/lib/cni/results'
/** Milliseconds between two looks at it, while somebody wants names. */
const REST_MS = 10_000
/** A node has 256 pods at most. */
const MAX_FILES = 1_024
const MAX_SIZE = 2 ** 16
/** Names of pods and namespaces (RFC 1123). */
const NAME = /^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/

/**
 * Which pod has an address, as the node's CNI tells: `/var/lib/cni/results` has a file for each network of
 * each pod, with its addresses and its name. They are read while somebody asks, and what they said
 * last holds meanwhile; where the folder is not mounted, pods have no names.
 */
export class Pods {
  readonly #folder: string
  readonly #now: () => number
  #names: ReadonlyMap<string, string> = new Map()
  #nextAt = -Infinity
  /** The look that is under way, for tests to wait for. */
  looking: Promise<void> = Promise.resolve()

  constructor(
    env: Readonly<Record<string, string | undefined>>,
    now: () => number = () => performance.now(),
  ) {
    this.#folder = env['DNSLET_CNI_RESULTS'] ?? DEFAULT_FOLDER
    this.#now = now
  }

  /** Looks again, unless that was done lately: to be called while somebody wants to know. */
  look(): void {
    if (this.#folder === '' || this.#now() < this.#nextAt) return
    this.#nextAt = this.#now() + REST_MS
    this.looking = readPods(this.#folder).then((names) => void (this.#names = names))
  }

  /** `namespace/pod` of an address as the last look had it, '' for none. */
  readonly of = (address: string): string => this.#names.get(address) ?? ''
}

interface Answer {
  readonly addresses: readonly string[]
  readonly pod: string
  readonly changedAt: number
}

/** Of several that claim an address the latest is right: that of a pod which is gone may have stayed. */
async function readPods(folder: string): Promise<ReadonlyMap<string, string>> {
  const answers: Answer[] = []
  let directory: Dir
  try {
    directory = await opendir(folder)
  } catch {
    return new Map()
  }
  try {
    let files = 0
    for await (const { name } of directory) {
      if (++files > MAX_FILES) break
      const answer = await readAnswer(join(folder, name))
      if (answer !== null) answers.push(answer)
    }
  } catch {
    // It went away meanwhile: what has been read holds.
  }
  const byAge = answers.toSorted((a, b) => a.changedAt - b.changedAt)
  return new Map(byAge.flatMap(({ addresses, pod }) => addresses.map((one) => [one, pod] as const)))
}

async function readAnswer(file: string): Promise<Answer | null> {
  try {
    const handle = await open(file, O_RDONLY | O_NOFOLLOW | O_NONBLOCK)
    try {
      const status = await handle.stat()
      const { mtimeMs, size } = status
      if (!status.isFile() || size > MAX_SIZE) return null
      const { buffer, bytesRead } = await handle.read(Buffer.alloc(size))
      const answer = parseCniResult(buffer.toString('utf8', 0, bytesRead))
      return answer === null ? null : { ...answer, changedAt: mtimeMs }
    } finally {
      await handle.close()
    }
  } catch {
    return null
  }
}

/**
 * Addresses and pod of what libcni has stored (`cniCacheV1`: CNI 0.2.0 has `ip4` and `ip6`, later ones
 * `ips`); null where it is no such thing.
 */
export function parseCniResult(text: string): Omit<Answer, 'changedAt'> | null {
  const all = record(parsed(text))
  const args = new Map(list(all['cniArgs']).map((pair) => [list(pair)[0], list(pair)[1]]))
  const namespace = args.get('K8S_POD_NAMESPACE')
  const name = args.get('K8S_POD_NAME')
  if (!isName(namespace) || !isName(name)) return null
  const { ip4, ip6, ips } = record(all['result'])
  const networks = [
    record(ip4)['ip'],
    record(ip6)['ip'],
    ...list(ips).map((one) => record(one)['address']),
  ]
  const addresses = networks.flatMap((network) => {
    const [address = ''] = typeof network === 'string' ? network.split('/') : []
    return isIP(address) === 0 || address.includes('%') ? [] : [canonicalAddress(address)]
  })
  return addresses.length === 0 ? null : { addresses, pod: `${namespace}/${name}` }
}

function isName(value: unknown): value is string {
  return typeof value === 'string' && NAME.test(value)
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}

function record(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : []
}
