import { type CommandSyntax, commandUsage, readCommandFlags } from './command-flags.ts'

/** What `dnslet top` runs with: frozen, validated, defaults filled in. */
export interface TopOptions {
  /** The admin socket; '' is to be found. */
  readonly socket: string
  readonly intervalMs: number
  /** One look and no more. */
  readonly once: boolean
  readonly json: boolean
}

const syntax: CommandSyntax = {
  name: 'top',
  synopsis: `Usage:
dnslet top [flags]    show the traffic of the running daemon, until Ctrl-C or q

What is most frequent is counted from the moment somebody looks.`,
  flags: [
    {
      name: 'socket',
      type: 'text',
      describe: 'admin socket of the daemon (default: the one that is found)',
    },
    {
      name: 'interval',
      type: 'duration',
      fallback: '1',
      least: 200,
      most: 3_600_000,
      describe: 'time between two looks, in seconds or as a duration',
    },
    { name: 'once', type: 'boolean', describe: 'print what came in one interval, and exit' },
    { name: 'json', type: 'boolean', describe: 'print a line of JSON for each interval' },
  ],
  words: 0,
}

/**
 * Reads the arguments behind `dnslet top`; a string is the usage text that they ask for.
 * @throws UsageError
 */
export function topOptions(argv: readonly string[]): TopOptions | string {
  const given = readCommandFlags(syntax, argv)
  if (given === null) return commandUsage(syntax)
  return Object.freeze({
    socket: given.text('socket'),
    intervalMs: given.number('interval')!,
    once: given.isOn('once'),
    json: given.isOn('json'),
  })
}
