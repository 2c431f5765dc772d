import {
  countArgs,
  type Directive,
  errorAt,
  ignore,
  inPlugin,
  listenAddress,
  once,
  one,
  read,
  type Token,
  unknownProperty,
  type Warn,
} from '../../corefile/directive.ts'

export interface ReadyConfig {
  /** `host:port`, where host '' is every interface. */
  readonly address: string
  /** Whether a plugin that was ready once would be asked again: none has a say so far. */
  readonly continuously: boolean
}

/** CoreDNS's: probes of manifests that set no address ask the pod's or the node's. */
const DEFAULT_ADDRESS = ':8181'

const options = { monitor: one(monitor) }

/** Reads the one `ready` directive of a block. */
export function readConfig(directives: readonly Directive[], warn: Warn = ignore): ReadyConfig {
  const directive = once(directives)
  return inPlugin(directive.name, () => {
    const [given] = countArgs(directive, 0, 1)
    const address = given === undefined ? DEFAULT_ADDRESS : listenAddress(given, warn)
    const mode = read(directive, options, { unknown: unknownProperty }).monitor
    return Object.freeze({ address, continuously: mode === 'continuously' })
  })
}

function monitor(token: Token): 'until-ready' | 'continuously' {
  const { text } = token
  if (text === 'until-ready' || text === 'continuously') return text
  throw errorAt(token, `monitor type '${text}' not supported`)
}
