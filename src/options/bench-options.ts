import { type CommandSyntax, commandUsage, readCommandFlags, refused } from './command-flags.ts'

/** What `dnslet bench` runs with, as far as it can be told from the command line alone. */
export interface BenchOptions {
  readonly hosts: readonly string[]
  /** File with a host a line, '' for none. */
  readonly hostsFile: string
  readonly concurrency: number
  readonly seconds: number
  readonly limitMs: number
  /** As typed; none: those of resolv.conf. */
  readonly servers: readonly string[]
  readonly clients: readonly string[]
  readonly rate: number | null
  /** Names of types; none: what the client asks for on its own. */
  readonly types: readonly string[]
  /** The resolv.conf to read. */
  readonly resolvConf: string
  /** File for the result as JSON; `-`: standard output; '': none. */
  readonly json: string
  /** File for the report, '' for none. */
  readonly html: string
}

/** The manners of `-client`, as src/load/ has them. */
export const CLIENTS = ['glibc', 'musl', 'reopen', 'serial', 'tcp', 'go', 'system', 'raw'] as const

const DAY_S = 86_400

export const benchSyntax: CommandSyntax = {
  name: 'bench',
  words: 0,
  synopsis: `Usage:
dnslet bench -host NAME [flags]    look hosts up as applications do, and say how long it takes

A request is one look-up of a host as an application sees it: A and AAAA, with all retries and the
search list. Without -server it asks the servers of resolv.conf. It sends to nobody else.

Exit status: 0 all answered within -l, 1 not all, 2 wrong usage.`,
  flags: [
    { name: 'host', type: 'text', repeats: true, describe: 'host to look up; may be repeated' },
    { name: 'hosts', type: 'text', describe: 'file with hosts to look up, one a line' },
    {
      name: 'c',
      aliases: ['concurrency'],
      type: 'number',
      fallback: '200',
      least: 1,
      most: 1e9,
      describe: 'look-ups under way at a time',
    },
    {
      name: 'd',
      aliases: ['duration'],
      type: 'duration',
      fallback: '30',
      least: 100,
      most: 7 * DAY_S * 1000,
      describe: 'seconds, or a duration, of each run',
    },
    {
      name: 'l',
      aliases: ['limit'],
      type: 'duration',
      unit: 'ms',
      fallback: '5000',
      least: 1,
      most: DAY_S * 1000,
      describe: 'milliseconds from which on a look-up counts as timed out',
    },
    {
      name: 'server',
      type: 'text',
      repeats: true,
      describe: 'ADDRESS[:PORT] to ask; several are measured in turns and compared',
    },
    {
      name: 'client',
      type: 'text',
      repeats: true,
      choices: CLIENTS,
      fallback: 'glibc',
      describe: `how to look up: ${CLIENTS.join(', ')}; several are compared`,
    },
    {
      name: 'rate',
      type: 'number',
      fractions: true,
      least: 0.01,
      most: 1e7,
      describe: 'requests a second, whether answers come or not (default: as fast as they come)',
    },
    {
      name: 'type',
      type: 'text',
      repeats: true,
      describe: 'type to ask for (default: A and AAAA, with raw A alone)',
    },
    {
      name: 'resolv',
      type: 'text',
      fallback: '/etc/resolv.conf',
      describe: 'file with servers, search list and options',
    },
    {
      name: 'json',
      type: 'text',
      bare: '-',
      describe: 'write the result as JSON to this file or "-"',
    },
    {
      name: 'html',
      type: 'text',
      describe: 'write a report to this file: one page, for a browser',
    },
  ],
}

/**
 * Reads `dnslet bench [flags]`. Pure: opens nothing. A text is the usage text that was asked for.
 * @throws UsageError, exit code 2
 */
export function benchOptions(argv: readonly string[]): BenchOptions | string {
  const given = readCommandFlags(benchSyntax, argv)
  if (given === null) return commandUsage(benchSyntax)
  const hosts = given.texts('host')
  if (hosts.length === 0 && !given.isSet('hosts')) {
    throw refused(
      benchSyntax,
      'no host to look up: name one with -host, or a file of them with -hosts',
    )
  }
  for (const name of ['hosts', 'html', 'resolv']) {
    if (given.isSet(name) && given.text(name) === '') {
      throw refused(benchSyntax, `-${name} needs the name of a file`)
    }
  }
  return Object.freeze({
    hosts,
    hostsFile: given.text('hosts'),
    concurrency: given.number('c') ?? 1,
    seconds: (given.number('d') ?? 0) / 1000,
    limitMs: given.number('l') ?? 0,
    servers: unique(given.texts('server')),
    clients: unique(given.texts('client')),
    rate: given.number('rate'),
    types: unique(given.texts('type').map((type) => type.toUpperCase())),
    resolvConf: given.text('resolv'),
    json: given.text('json'),
    html: given.text('html'),
  })
}

function unique(texts: readonly string[]): readonly string[] {
  return [...new Set(texts)]
}
