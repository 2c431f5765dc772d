import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'

import { Cluster, CommandError, fullKind, jsonPath, objectsOf } from './cluster.ts'

/** What a command prints, and what it runs in a container of dnslet: [] for nothing. */
interface Outcome {
  readonly text: string
  readonly inside: readonly string[]
}

const NOTHING: Outcome = { text: '', inside: [] }

const root = join(import.meta.dirname, '../../..')
const manifests = globSync('deploy/*.yaml', { cwd: root }).map((file) => join(root, file))
const cluster = new Cluster(manifests)

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

/**
 * A kubectl for commands in documents: it refuses verbs, flags, files and objects that do not exist, and changes
 * nothing. Throws where the real one would fail, as far as that can be told from the manifests of deploy/.
 *
 * @param folder where the command was typed
 */
export function kubectl(argv: readonly string[], folder: string): Outcome {
  const dashes = argv.indexOf('--')
  const args = argv.slice(0, dashes < 0 ? argv.length : dashes)
  const command = dashes < 0 ? [] : argv.slice(dashes + 1)
  const { values, positionals } = parseArgs({ args, options, allowPositionals: true })
  const [verb = '', ...words] = positionals
  const { namespace, filename = [] } = values
  switch (verb) {
    case 'apply':
    case 'create':
      return apply(filename.map((file) => join(folder, file)))
    case 'delete':
      if (filename.length > 0) return apply(filename.map((file) => join(folder, file)))
      return named(words, namespace)
    case 'rollout': {
      const [what = '', ...object] = words
      if (!['restart', 'status'].includes(what)) throw new CommandError(`rollout ${what}`)
      return named(object, namespace)
    }
    case 'get':
      return get(words, values)
    case 'logs':
      return named(words, namespace)
    case 'top':
      if (fullKind(words[0] ?? '') !== 'pod') throw new CommandError('top shows pods')
      cluster.checkSelector(values.selector ?? '', namespace)
      return NOTHING
    case 'exec':
      named(words, namespace)
      return runInside(command)
    case 'run':
      if (!/^(registry\.example\.com\/)?dnslet:/.test(values.image ?? ''))
        throw new CommandError('not the image of dnslet')
      if (words.length !== 1) throw new CommandError('run needs a name')
      return runInside(['dnslet', ...command])
    default:
      throw new CommandError(`no verb "${verb}"`)
  }
}

function apply(files: readonly string[]): Outcome {
  if (files.length === 0) throw new CommandError('no file is named')
  for (const file of files) objectsOf(file)
  return NOTHING
}

/** Checks `kind name` or `kind/name`. */
function named(words: readonly string[], namespace: string): Outcome {
  const [kind = '', name = '', ...more] = words.flatMap((word) => word.split('/'))
  if (more.length > 0) throw new CommandError(`what is "${more.join(' ')}"?`)
  cluster.find(kind, name, namespace)
  return NOTHING
}

function get(
  [kind = '', name]: readonly string[],
  { namespace, selector, output = '' }: { namespace: string; selector?: string; output?: string },
): Outcome {
  if (selector !== undefined) cluster.checkSelector(selector, namespace)
  if (name === undefined) {
    fullKind(kind)
    // No pod exists; what makes them may be named wherever one may.
    if (output === 'name') return { text: 'daemonset/node-local-dns\n', inside: [] }
    if (!/^(|wide|custom-columns=.+)$/.test(output)) throw new CommandError(`output ${output}`)
    return NOTHING
  }
  const object = cluster.find(kind, name, namespace)
  const path = /^jsonpath=(.*)$/.exec(output)?.[1]
  const text = path === undefined ? `${JSON.stringify(object)}\n` : jsonPath(object, path)
  return { text, inside: [] }
}

/** dnslet is run; of other programs `cat` alone is known, for files that the Dockerfile puts into the image. */
function runInside(command: readonly string[]): Outcome {
  const [program = '', ...args] = command
  if (program === 'dnslet') return { text: '', inside: command }
  if (program !== 'cat') throw new CommandError(`"${program}" is not in the image`)
  const missing = args.find((file) => {
    const [, name] = /^\/opt\/dnslet\/(\S+)$/.exec(file) ?? []
    return name === undefined || !readFileSync(join(root, 'Dockerfile'), 'utf8').includes(name)
  })
  if (missing !== undefined) throw new CommandError(`${missing} is not in the image`)
  return NOTHING
}
