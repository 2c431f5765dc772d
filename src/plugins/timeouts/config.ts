import {
  type Convert,
  countArgs,
  type Directive,
  duration,
  errorAt,
  formatDuration,
  inPlugin,
  integer,
  type Option,
  type Token,
  wholeLine,
} from '../../corefile/directive.ts'
import type { StreamLimits } from '../../lib/stream-limits.ts'

const MIN_MS = 1_000
const MAX_MS = 86_400_000

const times = { read: 'readMs', write: 'writeMs', idle: 'idleMs' } as const

/** Reads the directive: what it does not name is not there. Throws a CorefileError. */
export function readConfig(directives: readonly Directive[]): Partial<StreamLimits> {
  const limits: { -readonly [K in keyof StreamLimits]?: number } = {}
  for (const directive of directives) {
    const { name, options } = directive
    inPlugin(name, () => {
      countArgs(directive, 0, 0)
      for (const option of options ?? []) readOption(option, limits)
      if (!options?.length) throw errorAt(name, 'timeouts block with no timeouts specified')
    })
  }
  return Object.freeze(limits)
}

/** As in CoreDNS a value is looked at before its name. */
function readOption(
  option: Option,
  limits: { -readonly [K in keyof StreamLimits]?: number },
): void {
  wholeLine(option)
  const { name } = option
  const [token = name] = countArgs(option, 1, 1)
  if (name.text === 'maxtcpqueries') {
    limits.maxQueries = readMaximum(token)
    return
  }
  const ms = readTime(token)
  if (!Object.hasOwn(times, name.text)) throw errorAt(name, `unknown option: '${name.text}'`)
  limits[times[name.text as keyof typeof times]] = ms
}

function readMaximum(token: Token): number {
  const maximum = understood(token, integer, (reason) => {
    return `invalid value for maxtcpqueries '${token.text}': ${reason}`
  })
  if (maximum === -1) return Infinity
  if (maximum > 0) return maximum
  const reason = 'needs to be -1 (unlimited) or a positive integer'
  throw errorAt(token, `maxtcpqueries provided '${maximum}' ${reason}`)
}

/** Milliseconds of a duration, or of a number of seconds. */
function readTime(token: Token): number {
  const text = /^[+-]?[0-9]{1,18}$/.test(token.text) ? `${token.text}s` : token.text
  const ms = understood({ ...token, text }, duration, () => `failed to parse duration '${text}'`)
  if (ms >= MIN_MS && ms <= MAX_MS) return ms
  const shown = formatDuration(ms)
  throw errorAt(token, `timeout provided '${shown}' needs to be between 1 second and 24 hours`)
}

/** A value, or an error in CoreDNS's words in place of the reader's. */
function understood(
  token: Token,
  convert: Convert<number>,
  say: (reason: string) => string,
): number {
  try {
    return convert(token)
  } catch (error) {
    const { message } = error as Error
    throw errorAt(token, say(message.slice(message.indexOf('strconv.'))))
  }
}
