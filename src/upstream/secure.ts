import { createHash } from 'node:crypto'
import { isIP, type OnReadOpts } from 'node:net'
import type { PeerCertificate, SecureContext, TLSSocket } from 'node:tls'
import type { Endpoint } from '../lib/address.ts'
import { connectOptions } from './address.ts'
import type { Transport } from './counters.ts'
import { codeOf, isDistrust } from './error-code.ts'
import { systemCas } from './system-cas.ts'

/** Certificates and a key, all PEM. */
export interface TlsFiles {
  /** Whom to trust; null: whom the system trusts. */
  readonly ca: string | null
  /** Our own certificate and its key, where the server asks for one; both or none. */
  readonly cert: string | null
  readonly key: string | null
}

/** Loaded only where an upstream is asked over TLS: node:tls takes memory and time to start. */
function tls(): typeof import('node:tls') {
  return process.getBuiltinModule('node:tls')
}

/**
 * Whom upstreams have to be certified by, and who we are to them: what one `forward` says, for all its
 * upstreams together.
 */
export class TlsIdentity {
  /** Tells it from others; in JSON it stands for the whole, so that no key gets into one. */
  readonly digest: string
  readonly #files: TlsFiles
  #context: SecureContext | null = null

  constructor(files: TlsFiles) {
    this.#files = files
    this.digest = createHash('sha256').update(JSON.stringify(files)).digest('base64')
  }

  /** Throws an Error of OpenSSL's, at load, where it takes the files for too weak. */
  prepare(): this {
    this.#context = this.context
    return this
  }

  /** Made when first used. */
  get context(): SecureContext {
    const { ca, cert, key } = this.#files
    this.#context ??= tls().createSecureContext({
      minVersion: 'TLSv1.2',
      // Whoever is named is trusted, also where somebody else has certified them, as with Go.
      allowPartialTrustChain: true,
      ...(cert === null || key === null ? {} : { cert, key }),
      ...orDefault(ca ?? systemCas()),
    })
    return this.#context
  }

  toJSON(): string {
    return this.digest
  }
}

/** Without any: those of Mozilla's list that come with Node. */
function orDefault(ca: string | string[] | null): { ca?: string | string[] } {
  return ca === null ? {} : { ca }
}

/** What an encrypted upstream needs beside its address. */
export interface Encryption {
  readonly transport: typeof Transport.Tls | typeof Transport.Https
  readonly identity: TlsIdentity
  /** Name that its certificate has to be for; null: its address. */
  readonly serverName: string | null
  /** How HTTPS asks. */
  readonly method: 'GET' | 'POST'
}

/** Told why an upstream cannot be trusted. */
export type Distrusted = (reason: string) => void

/**
 * TLS to one upstream (RFC 7858, RFC 8310 §8.1: strict, as the name or address is known). All connections
 * use the session of an earlier one where the server lets them, which spares it most of a handshake.
 */
export class Secure {
  readonly endpoint: Endpoint
  readonly transport: Encryption['transport']
  readonly method: Encryption['method']
  /** Name that the certificate has to be for, without a final dot; null: the address. */
  readonly serverName: string | null
  readonly #identity: TlsIdentity
  readonly #source: string | null
  readonly #distrusted: Distrusted
  #session: Buffer | null = null

  constructor(
    endpoint: Endpoint,
    source: string | null,
    { identity, method, serverName, transport }: Encryption,
    distrusted: Distrusted,
  ) {
    this.endpoint = endpoint
    this.transport = transport
    this.method = method
    this.serverName = serverName?.replace(/\.$/, '') ?? null
    this.#identity = identity
    this.#source = source
    this.#distrusted = distrusted
  }

  /**
   * Connects. `secureConnect` is emitted when the upstream has proven who it is, `error` where it has not.
   * @param onread where to read into, or null for `data` events
   * @param protocols for ALPN (RFC 7301); none: as CoreDNS, it is not offered
   */
  connect(onread: OnReadOpts | null, protocols: readonly string[] = []): TLSSocket {
    const name = this.serverName
    const socket = tls().connect({
      ...connectOptions(this.endpoint, this.#source),
      secureContext: this.#identity.context,
      // Else a variable of the environment may have Node trust anybody.
      rejectUnauthorized: true,
      checkServerIdentity: (_host, certificate) => this.#check(certificate),
      // SNI has no addresses (RFC 6066 §3).
      ...(name === null || isIP(name) !== 0 ? {} : { servername: name }),
      ...(this.#session === null ? {} : { session: this.#session }),
      ...(protocols.length === 0 ? {} : { ALPNProtocols: [...protocols] }),
      ...(onread === null ? {} : { onread }),
    })
    socket.setNoDelay(true)
    socket.on('session', (session: Buffer) => (this.#session = session))
    socket.on('error', (error) => this.failed(error))
    return socket
  }

  /** Names in the subject do not count, as with Go (RFC 9525 §2). */
  #check(certificate: PeerCertificate): Error | undefined {
    const name = this.serverName ?? this.endpoint.host.replace(/%.*$/, '')
    if (certificate.subjectaltname !== undefined) {
      return tls().checkServerIdentity(name, certificate)
    }
    const error = new Error(`the certificate names nobody, not even ${name}`)
    return Object.assign(error, { code: 'ERR_TLS_CERT_ALTNAME_INVALID' })
  }

  /** Tells of an error where it says that the other end cannot be trusted. */
  failed(error: Error): void {
    if (!isDistrust(codeOf(error))) return
    this.#session = null
    this.#distrusted(reasonOf(error))
  }

  /** Tells that the upstream, though it is who it should be, is of no use. */
  distrusts(reason: string): void {
    this.#distrusted(reason)
  }
}

/** What Node says without its advice, and what OpenSSL says without its source lines. */
function reasonOf({ message }: Error): string {
  const [, reason] =
    /^(?:[a-z]+ E[A-Z]+ )?[0-9A-F]+:error:[^:]*:[^:]*:[^:]*:([^:]*)/.exec(message) ?? []
  return reason ?? message.replace(/; if the root CA is installed.*$/s, '').replace(/\.$/, '')
}
