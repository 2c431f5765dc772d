/** One flag of the command line. */
export interface Flag {
  readonly name: string
  /** Other names of the same flag. */
  readonly aliases: readonly string[]
  /** A boolean takes its value behind `=` only, and is true without one; text takes the next word. */
  readonly type: 'boolean' | 'text'
  /** What an absent flag means; null where absence means something of its own. */
  readonly fallback: string | null
  /** One line for the usage text. */
  readonly describe: string
}

function text(names: readonly string[], fallback: string | null, describe: string): Flag {
  return { name: names[0] ?? '', aliases: names.slice(1), type: 'text', fallback, describe }
}

function boolean(names: readonly string[], describe: string): Flag {
  return {
    name: names[0] ?? '',
    aliases: names.slice(1),
    type: 'boolean',
    fallback: null,
    describe,
  }
}

/** All flags of `dnslet serve`: node-cache's, with its names and defaults, and our own at the end. */
export const flags: readonly Flag[] = [
  text(
    ['conf'],
    '',
    'Corefile to load ("stdin": standard input), or to make from a template (default ./Corefile)',
  ),
  text(['dns.port', 'p'], null, 'port of server blocks that name none (default 53)'),
  text(['localip'], '', 'comma-separated addresses of the node-local interface'),
  boolean(
    ['setupinterface'],
    'create the interface with the addresses of -localip (default: if there are any)',
  ),
  boolean(['setupiptables'], 'set up the packet rules for them (default: if there are any)'),
  boolean(['skipteardown'], 'leave interface and rules in place on exit'),
  text(['interfacename'], 'nodelocaldns', 'name of the interface'),
  text(['syncinterval'], '60s', 'time between two checks of interface and rules'),
  text(
    ['metrics-listen-address'],
    ':9353',
    "address of the process's own metrics; without a host, every interface",
  ),
  boolean(
    ['adminhttp'],
    'show status, caches and last queries over HTTP too, to whoever reaches /metrics',
  ),
  text(
    ['prometheus-listen-address'],
    ':9253',
    'what replaces __PROMETHEUS__ENDPOINT__ in the template',
  ),
  text(
    ['basecorefile'],
    '/etc/coredns/Corefile.base',
    'template the Corefile is made from, where it exists',
  ),
  text(['corefile'], null, 'accepted and ignored, as in node-cache: use -conf'),
  text(['kubednscm'], '', 'directory of the kube-dns ConfigMap (default /etc/kube-dns)'),
  text(['upstreamsvc'], 'kube-dns', 'Service whose ClusterIP is the upstream of cluster names'),
  text(['health-port'], '8080', 'port of the health check in the rules'),
  boolean(
    ['reloadwithsignal'],
    'accepted: what is made from the template is always applied at once',
  ),
  boolean(
    ['reuseport'],
    'let other processes of this user serve on the port as well (so does -skipteardown)',
  ),
  text(['pidfile'], '', 'file that holds the process id once all sockets are served'),
  boolean(['quiet'], 'print neither zones nor version at start'),
  text(['log-format'], 'json', 'json: one object a line; text: the lines CoreDNS prints'),
  boolean(['version'], 'print the version and exit'),
  boolean(['plugins'], 'print the names of all plugins and exit'),
  boolean(['help', 'h'], 'print this text and exit'),
]

const byName = new Map(flags.flatMap((f) => [f.name, ...f.aliases].map((name) => [name, f])))

/** The flag called `name` (without dashes), or undefined. */
export function flagNamed(name: string): Flag | undefined {
  return byName.get(name)
}

/** Every name a flag may be given by. */
export const flagNames: readonly string[] = [...byName.keys()]

/** The flags of one command line, by their canonical names, over the defaults of the flag table. */
export class GivenFlags {
  readonly #values: ReadonlyMap<string, string>
  /** Words after the flags. */
  readonly rest: readonly string[]

  constructor(values: ReadonlyMap<string, string>, rest: readonly string[]) {
    this.#values = values
    this.rest = rest
  }

  isSet(name: string): boolean {
    return this.#values.has(name)
  }

  /** The flag's value, its default where it is absent, '' where it has none. */
  text(name: string): string {
    return this.#values.get(name) ?? flagNamed(name)?.fallback ?? ''
  }

  /** True where a boolean flag was given and is not false. */
  isOn(name: string): boolean {
    return parseBoolean(this.#values.get(name) ?? 'false') === true
  }
}

/** The spellings Go's flag package takes, or null. */
export function parseBoolean(value: string): boolean | null {
  if (['1', 't', 'T', 'true', 'TRUE', 'True'].includes(value)) return true
  if (['0', 'f', 'F', 'false', 'FALSE', 'False'].includes(value)) return false
  return null
}
