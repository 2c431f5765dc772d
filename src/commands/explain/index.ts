import { readFileSync } from 'node:fs'

import type { Explanation, Status } from '../../admin/api.ts'
import type { ExplainOptions } from '../../options/explain-options.ts'
import { findDaemon } from '../admin-client.ts'
import { renderExplanation } from './render.ts'
import { searchHint } from './search-hint.ts'

/** A question with `ask` is answered within 5 s. */
const PATIENCE_MS = 10_000

export interface ExplainContext {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly say: (line: string) => void
  /** The text of resolv.conf; null where it cannot be read. */
  readonly resolvConf: () => string | null
}

/**
 * `dnslet explain`: asks the running daemon and prints what it says. Resolves to the exit status. Rejects
 * with DnsletError where no daemon answers.
 */
export async function explain(options: ExplainOptions, context: ExplainContext): Promise<0 | 1> {
  const { ask, json, name, socket, type, typed } = options
  const daemon = await findDaemon({ socket, env: context.env })
  const explanation = await daemon.get<Explanation>('/v1/explain', { name, type, ask }, PATIENCE_MS)
  if (json) context.say(JSON.stringify(explanation, null, 2))
  else {
    const status = await daemon.get<Status>('/v1/status')
    const hint = searchHint(typed, context.resolvConf())
    for (const line of renderExplanation(explanation, status, hint)) context.say(line)
  }
  const isServed = explanation.paths.some(({ block }) => block !== null)
  const isAnswered = explanation.asked === null || explanation.asked.rcode !== ''
  return isServed && isAnswered ? 0 : 1
}

/** Where this process' resolver reads its search list. */
export function readResolvConf(): string | null {
  try {
    return readFileSync('/etc/resolv.conf', 'utf8')
  } catch {
    return null
  }
}
