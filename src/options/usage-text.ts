import { createRequire } from 'node:module'

/** What the usage text says of a flag. */
export interface ShownFlag {
  readonly name: string
  readonly aliases: readonly string[]
  readonly type: 'boolean' | 'text'
  /** What an absent flag means; null or '' where there is nothing to show. */
  readonly fallback: string | null
  readonly describe: string
}

const USAGE_WIDTH = 100

/**
 * A synopsis and its flags as yargs lays them out. The whole of yargs takes 60 ms and 8 MB more than its
 * parser: it is loaded by who wants to read this.
 */
export function usageText(synopsis: string, flags: readonly ShownFlag[]): string {
  const require = createRequire(import.meta.url)
  const yargs = require('yargs') as typeof import('yargs').default
  const cli = yargs([]).scriptName('dnslet').usage(synopsis).version(false).help(false)
  cli.detectLocale(false).wrap(USAGE_WIDTH)
  for (const { name, aliases, type, fallback, describe } of flags) {
    const standard = fallback === null || fallback === '' ? {} : { default: fallback }
    const kind = type === 'text' ? 'string' : 'boolean'
    cli.option(name, { alias: [...aliases], type: kind, describe, ...standard })
  }
  let text = ''
  cli.showHelp((shown) => (text = shown))
  return text
}
