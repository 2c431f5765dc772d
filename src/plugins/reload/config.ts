import {
  check,
  countArgs,
  type Directive,
  duration,
  formatDuration,
  ignore,
  inPlugin,
  readAll,
  type Warn,
} from '../../corefile/directive.ts'

/** When the Corefile is looked at for changes; milliseconds. */
export interface ReloadConfig {
  readonly interval: number
  /** Width of the range the period is drawn from, centred on `interval`: at most half of it. */
  readonly jitter: number
}

const DEFAULT_INTERVAL = 30_000
const DEFAULT_JITTER = 15_000
const MIN_INTERVAL = 2_000
const MIN_JITTER = 1_000

const interval = check(duration, (ms) => tooSmall('interval', ms, MIN_INTERVAL))
/** 0 switches it off. */
const jitter = check(duration, (ms) => (ms === 0 ? null : tooSmall('jitter', ms, MIN_JITTER)))

function tooSmall(what: string, ms: number, min: number): string | null {
  return ms < min ? `${what} value must be greater or equal to ${formatDuration(min)}` : null
}

/** Reads the `reload` directives of a block: all must be sound, the last one counts. */
export function readConfig(directives: readonly Directive[], warn: Warn = ignore): ReloadConfig {
  const usual: ReloadConfig = { interval: DEFAULT_INTERVAL, jitter: DEFAULT_JITTER }
  const all = readAll(directives, (directive) => readOne(directive, warn))
  return Object.freeze(all.at(-1) ?? usual)
}

function readOne(directive: Directive, warn: Warn): ReloadConfig {
  return inPlugin(directive.name, () => {
    for (const { name } of directive.options ?? []) {
      // CoreDNS takes it for another `reload`, and its first word for the name.
      warn(`${name.file}:${name.line} - '${name.text}' is ignored: reload has no options`)
    }
    const [first, second] = countArgs(directive, 0, 2)
    const period = first === undefined ? DEFAULT_INTERVAL : interval(first)
    const width = second === undefined ? DEFAULT_JITTER : jitter(second)
    return { interval: period, jitter: Math.min(width, period / 2) }
  })
}
