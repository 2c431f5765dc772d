import type { Schema } from './routes.ts'

/** JSON Schemas of what `api.ts` declares; tests hold real answers against them. */

export const text: Schema = { type: 'string' }
export const flag: Schema = { type: 'boolean' }
/** A count, or an amount. */
export const amount: Schema = { type: 'number', minimum: 0 }
export const count: Schema = { type: 'integer', minimum: 0 }
export const time: Schema = { type: 'string', format: 'date-time' }
const texts: Schema = list(text)
/** Counts by name. */
export const counts: Schema = { type: 'object', additionalProperties: count }

export function list(items: Schema): Schema {
  return { type: 'array', items }
}

/** An object with these members and no others. */
export function object(properties: Readonly<Record<string, Schema>>): Schema {
  const required = Object.keys(properties)
  return { type: 'object', properties, required, additionalProperties: false }
}

function orNull(schema: Schema): Schema {
  return { oneOf: [schema, { type: 'null' }] }
}

export function oneOf(...values: readonly string[]): Schema {
  return { enum: values }
}

const store = object({ entries: count, capacity: count })

const fill: Schema = object({ success: store, denial: store, bytes: count })

const upstreamMembers = {
  address: text,
  transport: oneOf('udp', 'tcp', 'tls', 'https'),
  problem: orNull(text),
  connections: count,
  inFlight: count,
  rttMs: orNull(amount),
  answers: count,
  failures: count,
  lastFailure: orNull(object({ what: text, agoMs: amount })),
}

const answerMembers = {
  name: text,
  type: text,
  store: oneOf('success', 'denial'),
  rcode: text,
  dnssecOk: flag,
  checkingDisabled: flag,
  ttl: { type: 'integer' },
  staleFor: count,
  hits: count,
  records: texts,
}

/** `CachedAnswer` and its block. */
export const cachedAnswer: Schema = object({ ...answerMembers, block: texts })

export const status: Schema = object({
  version: text,
  pid: count,
  node: text,
  startedAt: time,
  now: time,
  corefile: object({
    path: orNull(text),
    hash: text,
    loadedAt: time,
    isLastGood: flag,
    refused: orNull(object({ at: time, reason: text })),
    refusedKubeDns: orNull(object({ at: time, reason: text, isEarlierServed: flag })),
  }),
  listeners: list(object({ address: text, scheme: text })),
  interception: object({
    state: oneOf('none', 'waiting', 'active', 'suspended', 'withdrawn', 'left'),
    interface: text,
    rules: text,
    addresses: texts,
    reason: orNull(text),
  }),
  notReady: texts,
  memory: object({
    rssBytes: count,
    limitBytes: orNull(count),
    heapUsedBytes: count,
    cacheBytes: count,
    cacheLimitBytes: count,
  }),
  totals: object({
    queries: count,
    hits: count,
    misses: count,
    staleServed: count,
    rcodes: counts,
    sources: counts,
    secondsSinceLastClientQuery: orNull(amount),
  }),
  errors: list(
    object({ at: time, first: time, count, level: oneOf('warning', 'error', 'fatal'), text }),
  ),
  blocks: list(
    object({
      keys: texts,
      view: text,
      plugins: list(object({ name: text, lines: texts })),
      cache: orNull(fill),
      upstreams: list(object(upstreamMembers)),
    }),
  ),
})

export const explanation: Schema = object({
  name: text,
  type: text,
  paths: list(
    object({
      listeners: texts,
      block: orNull(object({ keys: texts, zone: text })),
      plugins: list(object({ name: text, says: texts, reached: flag })),
      cached: list(object(answerMembers)),
      upstreams: list(object({ ...upstreamMembers, isNext: flag, why: text })),
    }),
  ),
  asked: orNull(
    object({
      rcode: text,
      plugin: text,
      isStale: flag,
      milliseconds: amount,
      records: texts,
      steps: list(object({ atMs: { type: 'number' }, what: text })),
    }),
  ),
})

export const apiError: Schema = object({ error: text })
