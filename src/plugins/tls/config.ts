import {
  countArgs,
  type Directive,
  errorAt,
  hintFor,
  inPlugin,
  one,
  read,
  type Token,
} from '../../corefile/directive.ts'

/** What a client has to show of itself; CoreDNS's words. */
export type ClientAuth = (typeof clientAuths)[number]
const clientAuths = [
  'nocert',
  'request',
  'require',
  'verify_if_given',
  'require_and_verify',
] as const

/** The `tls` directive of a block. Paths are as written: relative ones are the working directory's. */
export interface TlsConfig {
  readonly cert: string
  readonly key: string
  /** PEM file with the authorities of client certificates; null: the system's. */
  readonly ca: string | null
  readonly clientAuth: ClientAuth
  /** Where secrets of connections are appended to; null: nowhere. */
  readonly keylog: string | null
}

/** Reads the directive. Throws a CorefileError; the files are not looked at. */
export function readConfig(directives: readonly Directive[]): TlsConfig {
  const [directive, second] = directives
  if (directive === undefined) throw new RangeError('Cannot read a directive that does not occur')
  if (second !== undefined) {
    inPlugin(second.name, () => {
      throw errorAt(second.name, 'TLS already configured for this server instance')
    })
  }
  return inPlugin(directive.name, () => {
    if (directive.args.length === 0) {
      const reason = 'ACME is not supported: give CERT and KEY, and renew the files from outside'
      throw errorAt(directive.name, reason)
    }
    const [cert, key, ca] = countArgs(directive, 2, 3)
    const options = read<{ client_auth: ClientAuth; keylog: string }>(
      directive,
      { client_auth: one(clientAuth), keylog: one(({ text }) => text) },
      {
        unknown: ({ name }, known) => {
          throw errorAt(name, `unknown option '${name.text}'${hintFor(name.text, known)}`)
        },
      },
    )
    return Object.freeze({
      cert: cert!.text,
      key: key!.text,
      ca: ca?.text ?? null,
      clientAuth: options.client_auth ?? 'nocert',
      keylog: options.keylog ?? null,
    })
  })
}

function clientAuth(token: Token): ClientAuth {
  const found = clientAuths.find((word) => word === token.text)
  if (found === undefined) throw errorAt(token, `unknown authentication type '${token.text}'`)
  return found
}
