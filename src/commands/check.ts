import { CorefileError, everyError } from '../corefile/error.ts'
import { type FileSystem, nodeFiles } from '../corefile/files.ts'
import { openCacheBudget } from '../daemon/cache-budget.ts'
import { type CompiledBlock, compileBlocks } from '../daemon/compile.ts'
import { openToOthers, openToOthersLine } from '../daemon/open-to-others.ts'
import { joinHostPort } from '../lib/address.ts'
import { Clock } from '../lib/clock.ts'
import { DnsletError } from '../lib/errors.ts'
import { Holds } from '../lib/holds.ts'
import { complaintsTo } from '../lib/log.ts'
import { plural } from '../lib/plural.ts'
import { printable } from '../lib/printable.ts'
import { knownDirectives, loadPlugins } from '../plugins/index.ts'
import type { ComingInterface, Services } from '../serve/plugin.ts'
import { CorefileSource } from '../source/corefile-source.ts'
import { render } from '../source/template/render.ts'

/** What `dnslet check` shows of a compiled server block. */
export interface CheckedBlock {
  readonly keys: readonly {
    readonly scheme: string
    readonly zone: string
    readonly port: number
  }[]
  readonly context: { readonly view: string }
  /** Addresses to listen on; '' is every local one. */
  readonly addresses: readonly string[]
  /** In chain order. */
  readonly stages: readonly {
    readonly name: string
    readonly stage: { describe?(): readonly string[] }
  }[]
}

/** What the report says of a base file, whose placeholders have been filled in. */
const TEMPLATE =
  'It is a template, good for -basecorefile and not for -conf: 127.0.0.1:9 stands for the address of ' +
  '-upstreamsvc, /etc/resolv.conf for name servers of the kube-dns ConfigMap'

/**
 * `dnslet check`: compiles a Corefile, or the base file of one, as `dnslet serve` would, opens nothing, and
 * returns what it means. Warnings go to standard error. Rejects with everything that `serve` would refuse to
 * start with, a line for each mistake.
 *
 * @param corefile a path, `stdin`, or '' for ./Corefile
 * @param port port of server blocks that name none
 * @param node what -interfacename and -localip say; no addresses: nothing
 */
export async function check(
  corefile: string,
  port: number,
  node: ComingInterface = { name: '', addresses: [] },
): Promise<string> {
  const localIps = node.addresses
  const warn = (message: string): void => void process.stderr.write(`${printable(message)}\n`)
  const problems: CorefileError[] = []
  const problem = (error: CorefileError): void => void problems.push(...everyError(error))
  const template = templateFiles(corefile, localIps)
  const source = new CorefileSource(corefile, {
    directives: knownDirectives,
    env: process.env,
    warn,
    problem,
    files: template.files,
  })
  try {
    const { file, blocks } = source.load()
    await loadPlugins(blocks)
    const services = idleServices(warn, localIps.length > 0 ? node : null)
    const compiled = compileBlocks(blocks, { port, services, warn, panicked: () => {} })
    if (problems.length === 0) {
      const lines = report(file, compiled, localIps)
      return template.isTemplate() ? `${lines}\n\n${TEMPLATE}` : lines
    }
  } catch (error) {
    if (!(error instanceof CorefileError)) throw error
    problem(error)
  }
  const error = new DnsletError('E_COREFILE_CHECK', '')
  // Of several lines, each of them printable.
  error.message = inOrder(problems).join('\n')
  throw error
}

/** The file system, with what stands for the placeholders in this one file. */
function templateFiles(
  corefile: string,
  localIps: readonly string[],
): { readonly files: FileSystem; readonly isTemplate: () => boolean } {
  let isTemplate = false
  const values = {
    localIps: localIps.length > 0 ? localIps : ['169.254.20.10'],
    upstream: null,
    upstreamServers: [],
    prometheus: ':9253',
  }
  const read = (path: string): string => {
    const text = nodeFiles.read(path)
    // Without a name it is ./Corefile, which is none.
    if (path !== corefile) return text
    const rendered = render(text, values)
    isTemplate = rendered !== text
    return rendered
  }
  return { files: { ...nodeFiles, read }, isTemplate: () => isTemplate }
}

/** Each message once, in the order of files and lines. */
function inOrder(problems: readonly CorefileError[]): readonly string[] {
  const files = [...new Set(problems.map(({ file }) => file))]
  const sorted = problems.toSorted(
    (a, b) => files.indexOf(a.file) - files.indexOf(b.file) || a.line - b.line,
  )
  return [...new Set(sorted.map(({ message }) => message))]
}

function report(
  file: string,
  blocks: readonly CompiledBlock[],
  localIps: readonly string[],
): string {
  const count = plural(blocks.length, 'server block')
  const open = openToOthersLine(openToOthers(blocks, localIps))
  const parts = [
    `${printable(file)} is valid: ${count}`,
    renderCheck(blocks),
    ...(open === null ? [] : [open]),
  ]
  return parts.join('\n\n')
}

/**
 * Compiled server blocks as text: zones, listeners (UDP and TCP each), then the plugins in the order
 * a query meets them, whatever the order in the Corefile, with their settings and upstreams.
 */
export function renderCheck(blocks: readonly CheckedBlock[]): string {
  return blocks.map(renderBlock).join('\n\n')
}

function renderBlock({ addresses, context, keys, stages }: CheckedBlock): string {
  const zones = keys.map(({ scheme, zone, port }) => `${prefixOf(scheme)}${zone}:${port}`)
  const listeners = new Set(
    keys.flatMap(({ scheme, port }) =>
      addresses.map((host) => prefixOf(scheme) + joinHostPort(host, port)),
    ),
  )
  const width = Math.max(0, ...stages.map(({ name }) => name.length)) + 2
  const plugins = stages.flatMap(({ name, stage }) => {
    const [first = '', ...more] = stage.describe?.() ?? []
    return [`${name.padEnd(width)}${first}`, ...more.map((line) => ' '.repeat(width) + line)]
  })
  return [
    zones.join(' ') + (context.view === '' ? '' : `, view ${context.view}`),
    addresses.length === 0 ? '  listens nowhere' : `  listens on ${[...listeners].join(' ')}`,
    ...plugins.map((line) => `    ${line}`.trimEnd()),
  ]
    .map(printable)
    .join('\n')
}

/** What is not plain DNS says so. */
function prefixOf(scheme: string): string {
  return scheme === 'dns' ? '' : `${scheme}://`
}

/** What plugins may ask for while they are set up and nothing runs. */
function idleServices(warn: (message: string) => void, coming: ComingInterface | null): Services {
  const silent = (): void => {}
  return {
    clock: new Clock(),
    log: complaintsTo(warn),
    http: { acquire: () => Promise.reject(new Error('nothing is opened')) },
    memory: openCacheBudget(),
    coming,
    keep: (_key, make) => make(),
    life: {
      fatal: silent,
      watchCorefile: silent,
      selfCheck: () => Promise.resolve(null),
      readiness: new Holds(),
      untilIdle: () => Promise.resolve(true),
    },
  }
}
