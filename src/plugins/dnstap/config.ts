import { hostname } from 'node:os'
import {
  CorefileError,
  countArgs,
  type Directive,
  errorAt,
  inPlugin,
  integer,
  one,
  type Option,
  reaching,
  read,
  readAll,
  type Token,
  unknownProperty,
  type Warn,
} from '../../corefile/directive.ts'
import { version } from '../../lib/version.ts'

/** Files in PEM. */
interface CertificateFiles {
  readonly cert: string
  readonly key: string
  readonly ca: string | null
}

export interface DnstapConfig {
  /** Whether collectors connect to us. */
  readonly listens: boolean
  readonly transport: 'unix' | 'tcp' | 'tls'
  /** A path, or `host:port`. */
  readonly address: string
  readonly full: boolean
  /** MiB. */
  readonly writeBuffer: number
  /** Times 10,000 messages. */
  readonly queue: number
  readonly identity: string
  readonly version: string
  /** With placeholders; '' for none. */
  readonly extra: string
  readonly skipVerify: boolean
  readonly tls: CertificateFiles | null
}

const MAX_WRITE_BUFFER = 1024
const MAX_QUEUE = 4096

const text = ({ text: word }: Token): string => word

/** Reads all `dnstap` directives of a block. */
export function readConfigs(
  directives: readonly Directive[],
  warn: Warn,
): readonly Readonly<DnstapConfig>[] {
  return readAll(directives, (directive) =>
    inPlugin(directive.name, () => readConfig(directive, warn)),
  )
}

function readConfig(directive: Directive, warn: Warn): Readonly<DnstapConfig> {
  const [first, ...rest] = countArgs(directive, 1)
  const listens = first!.text === 'listen'
  const [socket, ...words] = listens ? rest : [first!, ...rest]
  if (socket === undefined) {
    throw errorAt(first!, 'dnstap listen requires an endpoint argument')
  }
  const [full, writeBuffer, queue] = words
  const options = {
    identity: reaching(1, one(text)),
    version: reaching(1, one(text)),
    extra: reaching(1, one(text)),
    skipverify: reaching(0, () => true),
    tls: (option: Option) => readTls(option, listens),
  }
  const given = read(directive, options, { unknown: unknownProperty, warn })
  return Object.freeze({
    listens,
    ...readSocket(socket.text),
    full: full?.text === 'full',
    writeBuffer: multiple(writeBuffer, 'MultipleTcpWriteBuf', MAX_WRITE_BUFFER, 'MiB units'),
    queue: multiple(queue, 'MultipleQueue', MAX_QUEUE, 'x10k messages'),
    identity: given.identity ?? hostname(),
    version: given.version ?? `dnslet-${version()}`,
    extra: given.extra ?? '',
    skipVerify: given.skipverify ?? false,
    tls: given.tls ?? null,
  })
}

function readSocket(socket: string): Pick<DnstapConfig, 'transport' | 'address'> {
  const [, transport, rest = ''] = /^(unix|tcp|tls):\/\/(.*)$/s.exec(socket) ?? []
  if (transport === undefined || transport === 'unix') {
    return { transport: 'unix', address: transport === undefined ? socket : rest }
  }
  // Of a URL, the authority without the user.
  const authority = rest.replace(/[/?#].*$/s, '').replace(/^.*@/s, '')
  return { transport: transport as 'tcp' | 'tls', address: authority }
}

function multiple(token: Token | undefined, name: string, most: number, unit: string): number {
  if (token === undefined) return 1
  const value = integerOf(token, name)
  if (value >= 1 && value <= most) return value
  throw errorAt(token, `dnstap: ${name} must be between 1 and ${most} (${unit}): ${value}`)
}

function integerOf(token: Token, name: string): number {
  try {
    return integer(token)
  } catch (error) {
    if (!(error instanceof CorefileError)) throw error
    throw errorAt(token, `dnstap: invalid ${name} "${token.text}": ${error.reason}`)
  }
}

function readTls({ name, args }: Option, listens: boolean): CertificateFiles {
  if (!listens) throw errorAt(name, 'tls directive only valid for listeners')
  const [cert, key, ca] = args
  if (cert === undefined || key === undefined) {
    throw errorAt(args.at(-1) ?? name, 'tls requires cert and key file paths')
  }
  return { cert: cert.text, key: key.text, ca: ca?.text ?? null }
}
