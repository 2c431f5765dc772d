import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

import { parse } from 'yaml'

/** One of test/corpus/deployments, whose README tells what the fields mean. */
export interface Deployment {
  readonly name: string
  readonly args: readonly string[]
  readonly refusedFlags: readonly string[] | null
  readonly network: 'node' | 'pod'
  readonly addresses: readonly string[]
  readonly service: string
  readonly capabilities: readonly string[] | null
  readonly mounts: readonly string[]
  readonly probes: readonly string[]
  readonly metrics: readonly string[]
  readonly refused: string | null
  readonly ends: string | null
  readonly warns: readonly string[]
  readonly answers: Readonly<Record<string, string>>
  readonly files: Readonly<Record<string, string>>
}

/** The template that -conf is made from, where it exists. */
export const TEMPLATE = '/etc/coredns/Corefile.base'

/** Where a deployment says nothing else of it. */
const RESOLV_CONF = 'nameserver 10.88.0.2\noptions ndots:5\n'

type Given = Partial<Omit<Deployment, 'args' | 'refusedFlags'>> & {
  readonly args: string
  readonly refusedFlags?: string
}

/** Every deployment of the corpus, by name. */
export function readDeployments(): Deployment[] {
  const folder = join(import.meta.dirname, '../../corpus/deployments')
  const files = readdirSync(folder).filter((file) => file.endsWith('.yaml'))
  return files.toSorted().map((file) => {
    const given = parse(readFileSync(join(folder, file), 'utf8')) as Given
    return {
      network: 'node',
      addresses: [],
      service: '10.77.0.3',
      capabilities: null,
      mounts: [],
      probes: [],
      metrics: [],
      refused: null,
      ends: null,
      warns: [],
      answers: {},
      ...given,
      name: file.slice(0, -'.yaml'.length),
      args: given.args.split(' '),
      refusedFlags: given.refusedFlags?.split(' ') ?? null,
      files: { '/etc/resolv.conf': RESOLV_CONF, ...given.files },
    }
  })
}

/** Writes files, by their paths in a container, into a folder. */
export function writeFiles(folder: string, files: Readonly<Record<string, string>>): void {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    writeFileSync(join(folder, path), text)
  }
}

/** The addresses of -localip. */
export function localIps({ args }: Deployment): string[] {
  return flag(args, 'localip')?.split(',') ?? []
}

/** A flag's value, in either form. */
export function flag(args: readonly string[], name: string): string | undefined {
  const at = args.findIndex((word) => word.replace(/^-+/, '').split('=')[0] === name)
  if (at < 0) return undefined
  return args[at]!.includes('=') ? args[at]!.replace(/^[^=]*=/, '') : args[at + 1]
}
