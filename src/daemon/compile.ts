import { missingPlugin, valueError, inPlugin } from '../corefile/error.ts'
import { type Key, parseKeys } from '../corefile/keys.ts'
import type { ServerBlock } from '../corefile/parse.ts'
import { checkOverlaps } from '../corefile/zones.ts'
import { plugins } from '../plugins/index.ts'
import { composeChain, type NamedStage } from '../serve/chain.ts'
import { makeFinish } from '../serve/finish.ts'
import type { BlockContext, Services } from '../serve/plugin.ts'
import type { Observer, Query } from '../serve/query.ts'
import type { Route } from '../serve/server.ts'
import { blockIdentity } from './identity.ts'

/** A server block with its plugins set up, nothing of it opened yet. */
export interface CompiledBlock extends Route {
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
  readonly listeners: { readonly host: string; readonly port: number }[]
}

export interface CompileParts {
  /** Port of keys that name none. */
  readonly port: number
  readonly services: Services
  readonly warn: (message: string) => void
  /** Told of a stage that threw: a defect of ours. */
  readonly panicked: (cause: unknown, q: Query) => void
}

/** Sets up the plugins of all blocks. Throws CorefileError; opens nothing. */
export function compileBlocks(
  blocks: readonly ServerBlock[],
  parts: CompileParts,
): readonly CompiledBlock[] {
  const compiled = blocks.map((block) => compileBlock(block, parts))
  checkOverlaps(
    compiled.flatMap(({ keys, addresses }) =>
      keys.flatMap((key) => addresses.map((address) => ({ ...key, address }))),
    ),
  )
  return compiled
}

function compileBlock(block: ServerBlock, parts: CompileParts): CompiledBlock {
  const { services, panicked } = parts
  const keys = parseKeys(block.keys, parts)
  for (const { scheme, token } of keys) {
    if (scheme !== 'dns') {
      throw valueError(token, `cannot serve ${scheme}://: this release serves DNS over UDP and TCP`)
    }
  }
  for (const [name, [directive]] of block.directives) {
    if (plugins.every((plugin) => plugin.name !== name)) throw missingPlugin(directive!.name)
  }
  const present = plugins.filter(({ name }) => block.directives.has(name))
  const stages: NamedStage[] = []
  const context: FilledContext = {
    zones: [...new Set(keys.map(({ zone }) => zone))],
    servers: [],
    listeners: [],
    directives: present.map(({ name }) => name),
    stages,
    identity: blockIdentity(block),
    services,
  }
  for (const plugin of present) {
    const directives = block.directives.get(plugin.name)!
    const stage = inPlugin(directives[0]!.name, () => plugin.setup(directives, context))
    stages.push({ name: plugin.name, stage })
  }
  const addresses = stages.flatMap(({ stage }) => stage.addresses ?? [])
  return {
    keys,
    addresses: addresses.length === 0 ? [''] : addresses,
    stages,
    context,
    handler: composeChain(stages, makeFinish(observersOf(stages)), panicked),
  }
}

/** Innermost first, as each reply passes them. */
function observersOf(stages: readonly NamedStage[]): Observer[] {
  const observers: Observer[] = []
  for (const { stage } of stages) {
    if (stage.observe !== undefined) observers.unshift((q) => stage.observe!(q))
  }
  return observers
}
