import {
  argumentError,
  both,
  CorefileError,
  countArgs,
  type Directive,
  duration,
  ignore,
  inPlugin,
  listenAddress,
  type Option,
  read,
  readAll,
  type Token,
  valueError,
  type Warn,
} from '../../corefile/directive.ts'
import { quote } from '../../corefile/go-quote.ts'

export interface HealthConfig {
  /** `host:port`, where host '' is every interface. */
  readonly address: string
  /** Milliseconds to go on serving after the order to end; 0 or less for none. */
  readonly lameduck: number
  /** Whether that time ends early, once no client asks any more. */
  readonly untilIdle: boolean
}

/** CoreDNS's: probes of manifests that set no address ask the pod's or the node's. */
const DEFAULT_ADDRESS = ':8080'

const options = { lameduck }

/** Reads the `health` directives of a block; as in CoreDNS, later ones overrule earlier ones. */
export function readConfig(directives: readonly Directive[], warn: Warn = ignore): HealthConfig {
  const config = { address: DEFAULT_ADDRESS, lameduck: 0, untilIdle: false }
  readAll(directives, (directive) => {
    inPlugin(directive.name, () => {
      const [address, given] = both(
        () => readAddress(directive, warn),
        () => read(directive, options),
      )
      if (address !== null) config.address = address
      Object.assign(config, given.lameduck)
    })
  })
  return Object.freeze(config)
}

function readAddress(directive: Directive, warn: Warn): string | null {
  const [given] = countArgs(directive, 0, 1)
  return given === undefined ? null : listenAddress(given, warn)
}

/** `lameduck DURATION [until idle]`: what follows the duration in CoreDNS is an error here too. */
function lameduck(option: Option): Pick<HealthConfig, 'lameduck' | 'untilIdle'> {
  const [time = option.name, until, idle] = countArgs(option, 1, 3)
  if (until !== undefined && until.text !== 'until') throw argumentError(until)
  if (until !== undefined && idle?.text !== 'idle') throw argumentError(idle ?? until)
  return { lameduck: lameduckTime(time), untilIdle: until !== undefined }
}

function lameduckTime(token: Token): number {
  try {
    return duration(token)
  } catch (error) {
    if (!(error instanceof CorefileError)) throw error
    const reason = `unable to parse lameduck duration value: ${quote(token.text)}: ${error.reason}`
    throw valueError(token, reason)
  }
}
