import {
  argumentError,
  CorefileError,
  countArgs,
  domainName,
  duration,
  type Option,
  type Token,
  valueError,
} from '../../corefile/directive.ts'

/** `health_check DURATION [no_rec] [domain FQDN]`. */
export interface HealthCheck {
  /** Milliseconds between the probes of an upstream that has failed. */
  readonly interval: number
  readonly domain: string
  readonly recursionDesired: boolean
}

/** Reads the `health_check` option. */
export function readHealthCheck(option: Option): HealthCheck {
  const [first = option.name, ...rest] = countArgs(option, 1)
  const interval = duration(first)
  if (interval < 0) {
    // CoreDNS prints the number of nanoseconds.
    throw valueError(first, `health_check can't be negative: ${Math.round(interval * 1e6)}`)
  }
  let domain = '.'
  let recursionDesired = true
  for (let i = 0; i < rest.length; i++) {
    const word = rest[i]!
    if (word.text === 'no_rec') recursionDesired = false
    else if (word.text === 'domain') domain = readDomain(rest[++i], word)
    else throw valueError(word, `health_check: unknown option ${word.text}`)
  }
  return { interval, domain, recursionDesired }
}

function readDomain(token: Token | undefined, word: Token): string {
  if (token === undefined) throw argumentError(word)
  try {
    return domainName(token)
  } catch (error) {
    if (error instanceof CorefileError) {
      throw valueError(token, `health_check: invalid domain name ${token.text}`)
    }
    throw error
  }
}
