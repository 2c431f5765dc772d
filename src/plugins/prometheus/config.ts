import {
  both,
  countArgs,
  type Directive,
  errorAt,
  flag,
  ignore,
  inPlugin,
  listenAddress,
  once,
  type Option,
  read,
  type Token,
  type Warn,
} from '../../corefile/directive.ts'
import { isPort, splitHostPort } from '../../lib/address.ts'

export interface PrometheusConfig {
  /** `host:port`, where host '' is every interface. */
  readonly address: string
  /** Add the metrics of Node that cost something all the time. */
  readonly runtimeMetrics: boolean
}

const DEFAULT_ADDRESS = '127.0.0.1:9153'

const options = { runtime_metrics: flag }

/** Reads the one `prometheus` directive of a block. */
export function readConfig(
  directives: readonly Directive[],
  warn: Warn = ignore,
): PrometheusConfig {
  const directive = once(directives)
  return inPlugin(directive.name, () => {
    const [[given], { runtime_metrics: runtimeMetrics = false }] = both(
      () => countArgs(directive, 0, 1),
      () => read(directive, options, { unknown: refuse }),
    )
    const address = given === undefined ? DEFAULT_ADDRESS : readAddress(given, warn)
    return Object.freeze({ address, runtimeMetrics })
  })
}

/** As in CoreDNS, an address that cannot be opened costs the metrics, not DNS. */
function readAddress(token: Token, warn: Warn): string {
  const { text, file, line } = token
  const parts = splitHostPort(text)
  if (typeof parts === 'string' || parts.port === '' || isPort(parts.port)) {
    return listenAddress(token, warn)
  }
  warn(`${file}:${line} - '${parts.port}' is no port: metrics cannot be served on '${text}'`)
  return text
}

function refuse({ name }: Option): never {
  if (name.text === 'tls') {
    throw errorAt(name, 'tls is not part of this release: metrics are served over plain HTTP')
  }
  throw errorAt(name, `unknown option: ${name.text}`)
}
