import type { Directive, ServerBlock, Token } from '../corefile/parse.ts'
import type { Scheme } from '../corefile/zone-text.ts'
import { joinHostPort } from '../lib/address.ts'
import { pluginOf } from '../plugins/index.ts'
import type { ServerIdentity } from '../serve/query.ts'

const identities = new Map<string, ServerIdentity>()

/**
 * The identity of the server at `host` ('' for every local address) and `port`. One per name for
 * the life of the process: counters index by it and outlive reloads.
 */
export function serverIdentity(host: string, port: number, scheme: Scheme = 'dns'): ServerIdentity {
  const name = `${scheme}://${joinHostPort(host, port)}`
  let identity = identities.get(name)
  if (identity === undefined) {
    identity = { name, index: identities.size }
    identities.set(name, identity)
  }
  return identity
}

/**
 * What a block answers from, as one string: zones, comments, positions and directives that change
 * nothing of it aside.
 */
export function blockIdentity(block: ServerBlock): string {
  const directives = [...block.directives]
    .filter(([name]) => pluginOf(name)?.changesAnswers !== false)
    .map(([name, occurrences]) => JSON.stringify([name, occurrences.map(directiveTexts)]))
    .toSorted()
  return JSON.stringify(directives)
}

function directiveTexts({ args, options }: Directive): unknown {
  return [
    args.map(text),
    (options ?? []).map((option) => [option.name.text, option.args.map(text)]),
  ]
}

function text(token: Token): string {
  return token.text
}
