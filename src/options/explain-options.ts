import { canonicalName } from '../corefile/domain-name.ts'
import { type CommandSyntax, commandUsage, readCommandFlags, refused } from './command-flags.ts'

/** What `dnslet explain` runs with. */
export interface ExplainOptions {
  /** Absolute, in lower case. */
  readonly name: string
  /** As it was typed. */
  readonly typed: string
  /** In capitals; the daemon knows which there are. */
  readonly type: string
  readonly ask: boolean
  readonly json: boolean
  /** '' for wherever one is found. */
  readonly socket: string
}

const syntax: CommandSyntax = {
  name: 'explain',
  words: 2,
  synopsis: `Usage:
dnslet explain NAME [TYPE] [flags]    what the running daemon does with a question, and why

It shows listeners, server block, plugins in order, what the cache has, which upstream is next, and
what failed last. Nothing is asked of anybody, unless -ask is given. TYPE is A where it is left out.

Exit status: 0 explained, with -ask answered; 1 no daemon, server block or answer; 2 wrong usage.`,
  flags: [
    {
      name: 'ask',
      type: 'boolean',
      describe:
        'put the question to the daemon, as a client of this machine, and say what each step took',
    },
    { name: 'json', type: 'boolean', describe: 'print what the admin interface answers' },
    {
      name: 'socket',
      type: 'text',
      describe:
        "the daemon's admin.sock; by default the one that is found in DNSLET_STATE_DIR or /run/dnslet",
    },
  ],
}

/**
 * Reads the arguments after `explain`. A text is the usage text, which was asked for.
 * @throws UsageError
 */
export function explainOptions(argv: readonly string[]): ExplainOptions | string {
  const given = readCommandFlags(syntax, argv)
  if (given === null) return commandUsage(syntax)
  const [typed, type = 'A'] = given.words
  if (typed === undefined)
    throw refused(syntax, 'name what is to be explained: dnslet explain NAME')
  const name = canonicalName(typed)
  if (name === null) throw refused(syntax, `"${typed.slice(0, 300)}" is no domain name`)
  return Object.freeze({
    name,
    typed,
    type: type.toUpperCase(),
    ask: given.isOn('ask'),
    json: given.isOn('json'),
    socket: given.text('socket'),
  })
}
