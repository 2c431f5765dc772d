import {
  check,
  countArgs,
  type Directive,
  duration,
  ignore,
  inPlugin,
  integer,
  one,
  type Option,
  read,
  readAll,
  type Token,
  uint32,
  unknownProperty,
  valueError,
  type Warn,
} from '../../corefile/directive.ts'
import { quote } from '../../corefile/go-quote.ts'

type EndpointType = 'zipkin' | 'datadog' | 'otlp'

/** The `trace` directive of a block. */
export interface TraceConfig {
  readonly type: EndpointType
  readonly url: string
  /** One query of so many is traced; 0: none. */
  readonly every: number
  readonly service: string
  /** Spans that may wait. */
  readonly backlog: number
  /** Spans that are sent before the interval is over. */
  readonly batch: number
  /** Milliseconds between two messages to the collector. */
  readonly interval: number
  /** Share of traces that Datadog keeps for analysis, 0 … 1. */
  readonly analyticsRate: number
}

const DEFAULTS = { every: 1, service: 'dnslet', backlog: 1000, batch: 100, interval: 1000 } as const

/** Where each type listens, and on which path. */
const ENDPOINTS = {
  zipkin: { authority: 'localhost:9411', path: '/api/v2/spans' },
  datadog: { authority: 'localhost:8126', path: '/v0.3/traces' },
  otlp: { authority: 'localhost:4318', path: '/v1/traces' },
} as const

const TRUE = ['1', 't', 'T', 'TRUE', 'true', 'True']
const FALSE = ['0', 'f', 'F', 'FALSE', 'false', 'False']

const text = ({ text: word }: Token): string => word
/** 0 stands for the default, as in CoreDNS. */
const size = check(integer, (value) => (value < 0 ? 'must not be negative' : null))

/** Reads the directives of a block, of which the last one counts. Throws a CorefileError. */
export function readConfig(
  directives: readonly Directive[],
  warn: Warn = ignore,
): Readonly<TraceConfig> {
  return readAll(directives, (directive) =>
    inPlugin(directive.name, () => readOne(directive, warn)),
  ).at(-1)!
}

function readOne(directive: Directive, warn: Warn): Readonly<TraceConfig> {
  const args = countArgs(directive, 0, 2)
  const options = read<{
    every: number
    service: string
    client_server: boolean
    datadog_analytics_rate: number
    zipkin_max_backlog_size: number
    zipkin_max_batch_size: number
    zipkin_max_batch_interval: number
  }>(
    directive,
    {
      every: one(uint32),
      service: one(text),
      client_server: readBoolean,
      datadog_analytics_rate: readRate,
      zipkin_max_backlog_size: one(size),
      zipkin_max_batch_size: one(size),
      zipkin_max_batch_interval: one(
        check(duration, (ms) => (ms < 0 ? 'must not be negative' : null)),
      ),
    },
    { unknown: unknownProperty },
  )
  const backlog = options.zipkin_max_backlog_size ?? 0
  const batch = options.zipkin_max_batch_size ?? 0
  const interval = options.zipkin_max_batch_interval ?? 0
  return Object.freeze({
    ...readEndpoint(args, warn),
    every: options.every ?? DEFAULTS.every,
    service: options.service ?? DEFAULTS.service,
    backlog: backlog === 0 ? DEFAULTS.backlog : backlog,
    batch: batch === 0 ? DEFAULTS.batch : batch,
    interval: interval === 0 ? DEFAULTS.interval : interval,
    analyticsRate: options.datadog_analytics_rate ?? 0,
  })
}

function readEndpoint(args: readonly Token[], warn: Warn): Pick<TraceConfig, 'type' | 'url'> {
  const [first, second] = args
  const type = second === undefined ? 'zipkin' : typeOf(first!)
  const { authority, path } = ENDPOINTS[type]
  const endpoint = second ?? first
  const given = endpoint?.text ?? ''
  const url = /https?:/.test(given) ? given : `http://${given === '' ? authority : given}${path}`
  if (endpoint !== undefined && !isHttp(url)) {
    const { file, line } = endpoint
    warn(
      `${file}:${line} - tracing endpoint ${quote(given)} is no URL and no HOST:PORT: no span will arrive`,
    )
  }
  return { type, url }
}

function typeOf(token: Token): EndpointType {
  const type = token.text.toLowerCase()
  if (type === 'zipkin' || type === 'datadog' || type === 'otlp') return type
  throw valueError(token, `tracing endpoint type '${type}' is not supported`)
}

function isHttp(url: string): boolean {
  const parsed = URL.parse(url)
  return parsed !== null && /^https?:$/.test(parsed.protocol) && parsed.hostname !== ''
}

/** `client_server [BOOL]`: about spans that begin elsewhere, and a DNS query brings none. */
function readBoolean(option: Option): boolean {
  const [token] = countArgs(option, 0, 1)
  if (token === undefined || TRUE.includes(token.text)) return true
  if (FALSE.includes(token.text)) return false
  throw valueError(token, `strconv.ParseBool: parsing ${quote(token.text)}: invalid syntax`)
}

/** `datadog_analytics_rate [RATE]`. */
function readRate(option: Option): number {
  const [token] = countArgs(option, 0, 1)
  if (token === undefined) return 0
  const rate = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i.test(token.text)
    ? Number(token.text)
    : NaN
  if (Number.isNaN(rate)) {
    throw valueError(token, `strconv.ParseFloat: parsing ${quote(token.text)}: invalid syntax`)
  }
  if (rate >= 0 && rate <= 1) return rate
  throw valueError(
    token,
    `datadog analytics rate must be between 0 and 1, '${rate.toFixed(6)}' is not supported`,
  )
}
