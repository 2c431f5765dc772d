import type { Socket } from 'node:net'
import type { Server, TLSSocket, TlsOptions } from 'node:tls'

import { LONGEST_TIMER_MS } from '../../lib/longest-timer.ts'
import type { Secure, SecureSource } from '../../lib/secure.ts'
import type { ClientAuth, TlsConfig } from './config.ts'
import type { Material } from './material.ts'

/** As OpenSSL wants them: a name, and keys of a cipher and an HMAC. */
export const TICKET_KEYS = 48

/** The certificate of a block, and the streams that are made with it. */
export class Certificate implements SecureSource {
  readonly #clientAuth: ClientAuth
  readonly #ticketKeys: Buffer
  readonly #keepsLog: boolean
  readonly #servers: Server[] = []
  #material: Material
  /** Gets the lines of the key log. */
  keylog: ((line: Buffer) => void) | null = null

  /** @param ticketKeys random octets: sessions are resumed wherever the same ones are in use */
  constructor(
    material: Material,
    { clientAuth, keylog }: Pick<TlsConfig, 'clientAuth' | 'keylog'>,
    ticketKeys: Buffer,
  ) {
    this.#keepsLog = keylog !== null
    this.#material = material
    this.#clientAuth = clientAuth
    this.#ticketKeys = ticketKeys
  }

  /** Uses another one for handshakes from now on; connections keep what they have. */
  renew(material: Material): void {
    this.#material = material
    for (const server of this.#servers) server.setSecureContext(this.#context())
  }

  secure(protocols: readonly string[]): Secure {
    const { createServer } = process.getBuiltinModule('node:tls')
    const auth = this.#clientAuth
    // It never listens: accepted connections are handed to it.
    const server = createServer({
      ...this.#context(),
      ALPNProtocols: [...protocols],
      // The listener bounds handshakes: Node's own timer begins anew with each octet.
      handshakeTimeout: LONGEST_TIMER_MS,
      requestCert: auth !== 'nocert',
      rejectUnauthorized: auth === 'require_and_verify',
      // Of IPv4 and IPv6, and of every block: a ticket fits where its certificate does.
      sessionIdContext: 'dnslet',
    })
    if (this.#keepsLog) server.on('keylog', (line: Buffer) => this.keylog?.(line))
    this.#servers.push(server)
    return new SecureServer(server, auth)
  }

  #context(): TlsOptions {
    const { cert, key, ca } = this.#material
    const ticketKeys = this.#ticketKeys
    if (!this.#clientAuth.includes('verif')) return { cert, key, ticketKeys }
    const { getCACertificates } = process.getBuiltinModule('node:tls')
    return { cert, key, ticketKeys, ca: ca ?? getCACertificates('system') }
  }
}

type Done = (stream: Socket | null) => void

class SecureServer implements Secure {
  readonly #server: Server
  readonly #auth: ClientAuth
  /** Handshakes under way, by both ends of the connection. */
  readonly #waiting = new Map<string, Done>()

  constructor(server: Server, auth: ClientAuth) {
    this.#server = server
    this.#auth = auth
    server.on('secureConnection', (stream) => {
      const done = this.#take(endsOf(stream))
      const welcome = isWelcome(stream, this.#auth)
      done?.(welcome ? stream : null)
      // Nobody waits for one that was reset meanwhile and has no other end: the end of its connection tells of it.
      if (welcome && done !== undefined) return
      stream.on('error', () => {})
      stream.destroy()
    })
    // Cut where its time is up too: Node leaves that one open. `done` hears of the end of the connection.
    server.on('tlsClientError', (_error, stream) => stream.destroy())
  }

  handshake(socket: Socket, done: Done): void {
    // Who has gone already could not be told from others who have: they have no other end either.
    if (socket.remoteAddress === undefined) {
      socket.on('error', () => {}).destroy()
      done(null)
      return
    }
    const ends = endsOf(socket)
    this.#waiting.set(ends, done)
    const failed = (): void => this.#take(ends)?.(null)
    socket.on('error', failed)
    socket.on('close', failed)
    this.#server.emit('connection', socket)
  }

  #take(ends: string): Done | undefined {
    const done = this.#waiting.get(ends)
    this.#waiting.delete(ends)
    return done
  }
}

function endsOf({ localAddress, localPort, remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort} ${localAddress} ${localPort}`
}

/** Whether the client has shown what it has to: Node knows "none", "any" and "a verified one" only. */
function isWelcome(stream: TLSSocket, auth: ClientAuth): boolean {
  if (auth !== 'require' && auth !== 'verify_if_given') return true
  const given = stream.getPeerX509Certificate() !== undefined
  return auth === 'require' ? given : !given || stream.authorized
}
