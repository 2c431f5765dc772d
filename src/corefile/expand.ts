import { valueError } from './error.ts'
import type { Token } from './token.ts'

/** Environment variables by name. */
export type Environment = Readonly<Record<string, string | undefined>>

/** Bounds of one token: a variable whose value names itself would otherwise never end. */
const MAX_SUBSTITUTIONS = 1_000
const MAX_LENGTH = 1 << 20

/** Told of each reference, as it is written, to a variable that is not set. */
export type Unset = (reference: string) => void

function lookUp(env: Environment, name: string): string | undefined {
  // Own properties only: `{$constructor}` must not reach Object.prototype.
  return Object.hasOwn(env, name) ? env[name] : undefined
}

/** Replaces `<open>NAME<close>` until none is left; values are expanded like the text around them. */
function replace(
  at: Token,
  start: string,
  [open, close]: readonly [string, string],
  env: Environment,
  unset: Unset,
): string {
  let text = start
  for (let round = 0; ; round++) {
    const from = text.indexOf(open)
    const to = from < 0 ? -1 : text.indexOf(close, from)
    // An empty name ends the substitution; `{%}` overlaps itself and counts as one.
    if (to < 0 || to <= from + open.length) return text
    const reference = text.slice(from, to + close.length)
    const found = lookUp(env, text.slice(from + open.length, to))
    if (found === undefined) unset(reference)
    const value = found ?? ''
    const parts = text.split(reference)
    const length = text.length + (parts.length - 1) * (value.length - reference.length)
    if (round === MAX_SUBSTITUTIONS || length > MAX_LENGTH) {
      throw valueError(
        at,
        `Cannot expand '${reference}': its value refers to itself or is too long`,
      )
    }
    text = parts.join(value)
  }
}

/**
 * Expands `{%NAME%}`, then `{$NAME}`, in a token. An undefined variable is empty, and a value with
 * spaces stays one token. Throws CorefileError when the expansion does not come to an end.
 */
export function expandEnvironment(token: Token, env: Environment, unset: Unset = () => {}): string {
  if (!token.text.includes('{')) return token.text
  const percent = replace(token, token.text, ['{%', '%}'], env, unset)
  return replace(token, percent, ['{$', '}'], env, unset)
}
