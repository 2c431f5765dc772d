import {
  countArgs,
  type Directive,
  errorAt,
  flag,
  hostPort,
  inPlugin,
  once,
  type Option,
  read,
} from '../../corefile/directive.ts'
import { formatHttpAddress } from '../../telemetry/http-address.ts'

export interface PrometheusConfig {
  /** `host:port`, where host '' is every interface. */
  readonly address: string
  /** Add the metrics of Node that cost something all the time. */
  readonly runtimeMetrics: boolean
}

const DEFAULT_ADDRESS = '127.0.0.1:9153'

const options = { runtime_metrics: flag }

/** Reads the one `prometheus` directive of a block. */
export function readConfig(directives: readonly Directive[]): PrometheusConfig {
  const directive = once(directives)
  return inPlugin(directive.name, () => {
    const [given] = countArgs(directive, 0, 1)
    let address = DEFAULT_ADDRESS
    if (given !== undefined) {
      const { host, port } = hostPort(given)
      address = formatHttpAddress(host, port)
    }
    const { runtime_metrics: runtimeMetrics = false } = read(directive, options, refuse)
    return Object.freeze({ address, runtimeMetrics })
  })
}

function refuse({ name }: Option): never {
  if (name.text === 'tls') {
    throw errorAt(name, 'tls is not part of this release: metrics are served over plain HTTP')
  }
  throw errorAt(name, `unknown option: ${name.text}`)
}
