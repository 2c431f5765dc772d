import { Result, Transport, transportNames } from '../../upstream/counters.ts'
import { Ede } from '../../wire/codes.ts'

/** Why the last attempt of a query gave no answer. */
export interface Failure {
  readonly upstream: string
  /** Our own address and port; '' where they are not known. */
  readonly local: string
  readonly transport: Transport
  readonly result: Result
  readonly code: string | null
  /** Whether the query went out; else it was the connection that failed. */
  readonly sent: boolean
}

/** Errors in the words of Go, which alerts and `errors { consolidate }` patterns were written for. */
const words: Readonly<Record<string, string>> = {
  EADDRNOTAVAIL: 'cannot assign requested address',
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'connection reset by peer',
  EHOSTUNREACH: 'no route to host',
  EINVAL: 'invalid argument',
  EMFILE: 'too many open files',
  ENETUNREACH: 'network is unreachable',
  ENFILE: 'too many open files in system',
  EPERM: 'operation not permitted',
  EPIPE: 'broken pipe',
  ETIMEDOUT: 'i/o timeout',
}

/**
 * `read udp 10.0.0.7:4242->10.96.0.10:53: i/o timeout`,
 * `dial tcp 10.96.0.10:53: connect: connection refused`.
 */
export function failureText(failure: Failure): string {
  const { upstream, local, transport, result, code, sent } = failure
  const udp = transport === Transport.Udp
  const dialled = !sent && (!udp || code !== null)
  const ends = local === '' || dialled ? upstream : `${local}->${upstream}`
  // Go knows no networks but these two.
  const network = transportNames[udp ? Transport.Udp : Transport.Tcp]
  const where = `${dialled ? 'dial' : 'read'} ${network} ${ends}: `
  switch (result) {
    case Result.Timeout:
      return `${where}i/o timeout`
    case Result.Invalid:
      return `${where}broken reply`
    case Result.Untrusted:
      return where + distrustOf(code ?? '')
    case Result.Closed:
      return where + (code === null ? 'EOF' : wordsFor(code))
    default: {
      if (code === null) return `${where}too many queries under way`
      const call = dialled ? 'connect: ' : udp ? 'read: ' : ''
      return where + call + wordsFor(code)
    }
  }
}

const UNKNOWN_AUTHORITY = 'certificate signed by unknown authority'

/** The same for certificates. */
const certificateWords: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: 'certificate has expired or is not yet valid',
  CERT_NOT_YET_VALID: 'certificate has expired or is not yet valid',
  DEPTH_ZERO_SELF_SIGNED_CERT: UNKNOWN_AUTHORITY,
  ERR_TLS_CERT_ALTNAME_INVALID: 'certificate is not valid for this name or address',
  SELF_SIGNED_CERT_IN_CHAIN: UNKNOWN_AUTHORITY,
  UNABLE_TO_GET_ISSUER_CERT: UNKNOWN_AUTHORITY,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: UNKNOWN_AUTHORITY,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: UNKNOWN_AUTHORITY,
}

/** Go's words, where they say as much; else what OpenSSL or Node call it. */
function distrustOf(code: string): string {
  const problem = certificateWords[code]
  if (problem !== undefined) return `tls: failed to verify certificate: x509: ${problem}`
  const [, alert] = /^ERR_SSL_(?:\w+_)?ALERT_(\w+)$/.exec(code) ?? []
  if (alert !== undefined) return `remote error: tls: ${spoken(alert)}`
  const [, status] = /^HTTP_(\d+)$/.exec(code) ?? []
  if (status !== undefined) return `HTTP status ${status}`
  return code.startsWith('ERR_') ? spoken(code.slice(4)) : `tls: ${spoken(code)}`
}

function spoken(code: string): string {
  return code.toLowerCase().replaceAll('_', ' ')
}

/** Go's words for an error of the system. @param code e.g. ECONNREFUSED */
export function wordsFor(code: string): string {
  return words[code] ?? code
}

/** The extended error a client is told (RFC 8914 §4). */
export function failureEde(result: Result): number {
  if (result === Result.Timeout) return Ede.NoReachableAuthority
  return result === Result.Invalid ? Ede.InvalidData : Ede.NetworkError
}
