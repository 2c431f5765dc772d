import { createRequire } from 'node:module'
import type { Flag } from './flags.ts'

const USAGE_WIDTH = 100

/**
 * A synopsis and its flags as yargs lays them out. The whole of yargs takes 60 ms and 8 MB more than its
 * parser: it is loaded by who wants to read this.
 */
export function usageText(synopsis: string, flags: readonly Flag[]): string {
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
