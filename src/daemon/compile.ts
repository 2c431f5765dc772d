import { inPlugin, missingPlugin, readAll, valueError } from '../corefile/error.ts'
import { type Key, parseKeys } from '../corefile/keys.ts'
import type { ServerBlock } from '../corefile/parse.ts'
import { shown } from '../corefile/token.ts'
import type { Scheme } from '../corefile/zone-text.ts'
import { checkOverlaps, type Served, warnOfShadows } from '../corefile/zones.ts'
import { canonicalAddress, type Endpoint, isWildcard, joinHostPort } from '../lib/address.ts'
import { exact } from '../lib/exact.ts'
import { leftOut, plugins } from '../plugins/index.ts'
import { composeChain, type NamedStage } from '../serve/chain.ts'
import { makeFinish } from '../serve/finish.ts'
import type { BlockContext, Plugin, Services } from '../serve/plugin.ts'
import type { Observer, Query } from '../serve/query.ts'
import type { Route } from '../serve/server.ts'
import { blockIdentity } from './identity.ts'

/** A server block with its plugins set up, nothing of it opened yet. */
export interface CompiledBlock extends Route {
  /** The zones that are served here. */
  readonly keys: readonly Key[]
  /** Addresses to listen on; '' is every local one. */
  readonly addresses: readonly string[]
  /** In chain order. */
  readonly stages: readonly NamedStage[]
  /** What the plugins hold of the block; servers and listeners are filled in before start(). */
  readonly context: FilledContext
}

interface FilledContext extends BlockContext {
  readonly servers: string[]
  readonly listeners: Endpoint[]
}

export interface CompileParts {
  /** Port of keys that name none. */
  readonly port: number
  readonly services: Services
  readonly warn: (message: string) => void
  /** Told of a stage that threw: a defect of ours. */
  readonly panicked: (cause: unknown, q: Query) => void
}

/**
 * Sets up the plugins of all blocks; opens nothing. Throws a CorefileError for the first mistake, with
 * the others beside it.
 */
export function compileBlocks(
  blocks: readonly ServerBlock[],
  parts: CompileParts,
): readonly CompiledBlock[] {
  const compiled: CompiledBlock[] = []
  const steps = blocks.map((block) => () => void compiled.push(compileBlock(block, parts)))
  let served: readonly Served[] = []
  readAll([...steps, () => checkOverlaps((served = servedBy(compiled)))], (step) => step())
  warnOfShadows(served, parts.warn)
  for (const block of compiled) for (const key of block.keys) warnIfPlain(key, block, parts.warn)
  refuseDeaf(compiled)
  warnOfUnserved(served, parts)
  return compiled
}

/** One block that listens nowhere is CoreDNS's to keep and ours; with no other, nothing would be served. */
function refuseDeaf(blocks: readonly CompiledBlock[]): void {
  if (blocks.some(({ addresses }) => addresses.length > 0)) return
  const bind = blocks[0]?.keys[0]?.token
  if (bind === undefined) return
  throw valueError(bind, 'no server block has an address to listen on: see their `bind`')
}

/** Clients are led to an address where nobody is: in node-cache too, without a word. */
function warnOfUnserved(served: readonly Served[], { port, services, warn }: CompileParts): void {
  const bound = served.filter((one) => one.scheme === 'dns' && one.port === port)
  if (bound.some(({ address }) => address === '' || isWildcard(address))) return
  const known = new Set(bound.map(({ address }) => canonicalAddress(address)))
  const unserved = services.coming?.addresses.filter((address) => !known.has(address)) ?? []
  if (unserved.length === 0) return
  const names = unserved.map((address) => joinHostPort(address, port)).join(' and ')
  warn(
    `No server block listens on ${names}, where -localip leads clients: they get no answer there; ` +
      'name the address in `bind`, or leave it out of -localip',
  )
}

function servedBy(blocks: readonly CompiledBlock[]): readonly Served[] {
  return blocks.flatMap(({ accepts, addresses, keys }) => {
    const filtered = accepts !== undefined
    return keys.flatMap((key) => addresses.map((address) => ({ ...key, address, filtered })))
  })
}

function compileBlock(block: ServerBlock, parts: CompileParts): CompiledBlock {
  const { panicked, warn } = parts
  let all: readonly Key[] = []
  let set = null as Setup | null
  const steps: (() => void)[] = [
    () => (all = readKeys(block, parts)),
    () => refuseMissing(block),
    () => (set = setUp(block, all, parts.services)),
  ]
  readAll(steps, (step) => step())
  if (block.directives.size === 0) {
    const key = block.keys[0]!
    warn(`${key.file}:${key.line} - '${shown(key)}' has no plugin: every query is answered REFUSED`)
  }
  const { stages, context } = set!
  const binds = stages.filter(({ stage }) => stage.addresses !== undefined)
  const addresses = binds.flatMap(({ stage }) => stage.addresses!)
  return {
    keys: exact(all),
    addresses: binds.length === 0 ? [''] : exact(addresses),
    stages,
    context,
    accepts: filterOf(stages),
    handler: composeChain(stages, makeFinish(observersOf(stages)), panicked),
  }
}

interface Setup {
  readonly stages: readonly NamedStage[]
  readonly context: FilledContext
}

/** Sets up every plugin of a block, whatever is wrong with one of them. */
function setUp(block: ServerBlock, keys: readonly Key[], services: Services): Setup {
  const present = plugins.filter(({ name }) => block.directives.has(name))
  const stages: NamedStage[] = []
  const context: FilledContext = {
    zones: [...new Set(keys.map(({ zone }) => zone))],
    view: viewOf(block, present),
    keys,
    servers: [],
    listeners: [],
    stages,
    identity: blockIdentity(block),
    services,
  }
  readAll(present, (plugin) => {
    const directives = block.directives.get(plugin.name)!
    const stage = inPlugin(directives[0]!.name, () => plugin.setup(directives, context))
    stages.push({ name: plugin.name, stage })
  })
  return { stages, context }
}

/** Transports that have listeners. */
const SERVED: readonly Scheme[] = ['dns', 'tls', 'https']

function readKeys(block: ServerBlock, parts: CompileParts): readonly Key[] {
  const keys = parseKeys(block.keys, parts)
  refuseSchemes(keys)
  return keys
}

function refuseSchemes(keys: readonly Key[]): void {
  readAll(keys, ({ scheme, token }) => {
    if (SERVED.includes(scheme)) return
    const served = 'DNS over UDP and TCP, over TLS (tls://) and over HTTPS (https://)'
    throw valueError(token, `cannot serve ${scheme}://: ${served} is served`)
  })
}

/** CoreDNS says nothing. */
function warnIfPlain(
  { scheme, token }: Key,
  block: CompiledBlock,
  warn: CompileParts['warn'],
): void {
  if (scheme === 'dns' || block.stages.some(({ stage }) => stage.certificate !== undefined)) return
  warn(
    `${token.file}:${token.line} - '${shown(token)}' is served without encryption: its block has no ` +
      'certificate, see the directive tls',
  )
}

function refuseMissing({ directives }: ServerBlock): void {
  readAll(directives, ([name, [directive]]) => {
    if (plugins.every((plugin) => plugin.name !== name))
      throw missingPlugin(directive!.name, leftOut.get(name))
  })
}

/** Innermost first, as each reply passes them. */
function observersOf(stages: readonly NamedStage[]): Observer[] {
  const observers: Observer[] = []
  for (const { stage } of stages) {
    if (stage.observe !== undefined) observers.unshift((q) => stage.observe!(q))
  }
  return exact(observers)
}

/** The name that a plugin gives the block, '' where none does. */
function viewOf({ directives }: ServerBlock, present: readonly Plugin[]): string {
  const naming = present.find(({ viewName }) => viewName !== undefined)
  return naming?.viewName?.(directives.get(naming.name)!) ?? ''
}

function filterOf(stages: readonly NamedStage[]): CompiledBlock['accepts'] {
  const choosy = stages.filter(({ stage }) => stage.filter !== undefined)
  if (choosy.length === 0) return undefined
  return (q) => {
    for (const { stage } of choosy) if (!stage.filter!(q)) return false
    return true
  }
}
