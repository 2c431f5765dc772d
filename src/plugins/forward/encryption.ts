import {
  countArgs,
  type Directive,
  type Option,
  type Token,
  valueError,
} from '../../corefile/directive.ts'
import { readAuthorities, readKeyPair } from '../../corefile/pem.ts'
import { reasonOf } from '../../lib/errors.ts'
import type { TlsFiles } from '../../upstream/secure.ts'
import type { Destination } from './destination.ts'

export type DohMethod = 'GET' | 'POST'

/** Reads `tls [CA]`, `tls CERT KEY [CA]`, and the files. Paths are the working directory's. */
export function readTls(option: Option): TlsFiles {
  const [first, key, ca] = countArgs(option, 0, 3)
  if (first === undefined) return { ca: null, cert: null, key: null }
  try {
    if (key === undefined) return { ca: readAuthorities(first.text), cert: null, key: null }
    const pair = readKeyPair(first.text, key.text)
    return { ...pair, ca: ca === undefined ? null : readAuthorities(ca.text) }
  } catch (error) {
    throw valueError(first, reasonOf(error))
  }
}

export function readMethod(token: Token): DohMethod {
  const { text: method } = token
  if (method === 'GET' || method === 'POST') return method
  throw valueError(token, 'doh_method must be either POST or GET')
}

export function text(token: Token): string {
  return token.text
}

/** Refuses two names for one upstream. @param common what `tls_servername` says */
export function checkServerNames(
  { args }: Directive,
  to: readonly Destination[],
  common: string | undefined,
): void {
  if (common === undefined || common === '') return
  to.forEach(({ scheme, serverName }, i) => {
    const token = args[i + 1]!
    if (scheme !== 'tls' || serverName === null || !token.text.includes('%')) return
    const address = token.text.replace(`%${serverName}`, '')
    throw valueError(
      token,
      `both forward ('${common}') and proxy level ('${serverName}') TLS servernames are set for ` +
        `upstream proxy '${address}'`,
    )
  })
}
