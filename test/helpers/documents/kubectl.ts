// A kubectl for commands in documents: it refuses verbs, flags, files and objects that do not exist, and runs
// what would be run in a container of dnslet here. Changes nothing.
import { spawnSync } from 'node:child_process'
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'

import { Cluster, CommandError, fullKind, jsonPath, objectsOf } from './cluster.ts'

const dockerfile = join(import.meta.dirname, '../../../Dockerfile')

/** Flags of the verbs that documents use. */
const options = {
  namespace: { type: 'string', short: 'n', default: 'default' },
  filename: { type: 'string', short: 'f', multiple: true },
  output: { type: 'string', short: 'o' },
  selector: { type: 'string', short: 'l' },
  cascade: { type: 'string' },
  image: { type: 'string' },
  restart: { type: 'string' },
  rm: { type: 'boolean' },
  stdin: { type: 'boolean', short: 'i' },
} as const

try {
  process.exitCode = run(process.argv.slice(2))
} catch (error) {
  console.error(`kubectl: ${error instanceof Error ? error.message : String(error)}`)
  process.exitCode = 1
}

function run(argv: readonly string[]): number {
  const dashes = argv.indexOf('--')
  const args = argv.slice(0, dashes < 0 ? argv.length : dashes)
  const command = dashes < 0 ? [] : argv.slice(dashes + 1)
  const { values, positionals } = parseArgs({ args, options, allowPositionals: true })
  const [verb = '', ...words] = positionals
  const { namespace, filename = [] } = values
  const cluster = new Cluster(globSync('*.yaml'))
  switch (verb) {
    case 'apply':
    case 'create':
      return apply(filename)
    case 'delete':
      if (filename.length > 0) return apply(filename)
      return named(cluster, words, namespace)
    case 'rollout': {
      const [what = '', ...object] = words
      if (!['restart', 'status'].includes(what)) throw new CommandError(`rollout ${what}`)
      return named(cluster, object, namespace)
    }
    case 'get':
      return get(cluster, words, values)
    case 'logs':
      return named(cluster, words, namespace)
    case 'top':
      if (fullKind(words[0] ?? '') !== 'pod') throw new CommandError('top shows pods')
      cluster.checkSelector(values.selector ?? '', namespace)
      return 0
    case 'exec':
      named(cluster, words, namespace)
      return runInside(command)
    case 'run':
      if (!(values.image ?? '').startsWith('dnslet:')) throw new CommandError('not the image of dnslet')
      if (words.length !== 1) throw new CommandError('run needs a name')
      return runInside(['dnslet', ...command])
    default:
      throw new CommandError(`no verb "${verb}"`)
  }
}

function apply(files: readonly string[]): number {
  if (files.length === 0) throw new CommandError('no file is named')
  for (const file of files) objectsOf(file)
  return 0
}

/** Checks `kind name` or `kind/name`. */
function named(cluster: Cluster, words: readonly string[], namespace: string): number {
  const [kind = '', name = '', ...more] = words.flatMap((word) => word.split('/'))
  if (more.length > 0) throw new CommandError(`what is "${more.join(' ')}"?`)
  cluster.find(kind, name, namespace)
  return 0
}

function get(
  cluster: Cluster,
  [kind = '', name]: readonly string[],
  { namespace, selector, output = '' }: { namespace: string; selector?: string; output?: string },
): number {
  if (selector !== undefined) cluster.checkSelector(selector, namespace)
  if (name === undefined) {
    fullKind(kind)
    if (!/^(|wide|custom-columns=.+)$/.test(output)) throw new CommandError(`output ${output}`)
    return 0
  }
  const object = cluster.find(kind, name, namespace)
  const path = /^jsonpath=(.*)$/.exec(output)?.[1]
  if (path !== undefined) process.stdout.write(jsonPath(object, path))
  else console.log(JSON.stringify(object))
  return 0
}

/** Runs dnslet; of other programs `cat` alone is known, for files that the Dockerfile puts into the image. */
function runInside([program = '', ...args]: readonly string[]): number {
  if (program === 'cat') {
    const missing = args.find((file) => {
      const [, name] = /^\/opt\/dnslet\/(\S+)$/.exec(file) ?? []
      return name === undefined || !readFileSync(dockerfile, 'utf8').includes(name)
    })
    if (missing !== undefined) throw new CommandError(`${missing} is not in the image`)
    return 0
  }
  if (program !== 'dnslet') throw new CommandError(`"${program}" is not in the image`)
  const { status, error } = spawnSync(program, args, { stdio: 'inherit' })
  if (error !== undefined) throw error
  return status ?? 1
}
