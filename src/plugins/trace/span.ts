/** What happened to a traced query, from when to when. */
export interface Span {
  /** 32 hexadecimal digits. */
  readonly traceId: string
  /** 16 hexadecimal digits. */
  readonly id: string
  /** Null: that of the query itself. */
  readonly parentId: string | null
  readonly name: string
  /** Milliseconds since 1970, with fractions. */
  readonly start: number
  /** Milliseconds. */
  readonly duration: number
  /** Of the other side, an IP address and a port. */
  readonly peer: { readonly host: string; readonly port: number }
  readonly tags: Readonly<Record<string, string>>
  readonly failed: boolean
}

/** A collector's way of taking spans: what is sent to it, and what it says of them. */
export interface Encoding {
  readonly contentType: string
  encode(spans: readonly Span[]): string | Uint8Array<ArrayBuffer>
  /** What it has not taken of a message that it took; null: it took all. */
  rejected?(reply: Buffer): Rejected | null
}

export interface Rejected {
  readonly spans: number
  readonly reason: string
}

/** Spans as Zipkin's API v2 takes them. */
export function zipkinJson(spans: readonly Span[], service: string): string {
  return JSON.stringify(
    spans.map((span) => ({
      traceId: span.traceId,
      id: span.id,
      ...(span.parentId === null ? {} : { parentId: span.parentId }),
      kind: span.parentId === null ? 'SERVER' : 'CLIENT',
      name: span.name,
      timestamp: Math.round(span.start * 1000),
      duration: Math.max(Math.round(span.duration * 1000), 1),
      localEndpoint: { serviceName: service },
      remoteEndpoint: {
        [span.peer.host.includes(':') ? 'ipv6' : 'ipv4']: span.peer.host,
        port: span.peer.port,
      },
      tags: span.failed ? { ...span.tags, error: 'true' } : span.tags,
    })),
  )
}

/** A number of nanoseconds has more digits than a double; microseconds are as fine as the clock. */
export function nanoseconds(milliseconds: number): string {
  return `${Math.round(milliseconds * 1000)}000`
}

/** Spans as Datadog's agent takes them in JSON (API v0.3): a list for each trace, all numbers whole. */
export function datadogJson(
  spans: readonly Span[],
  service: string,
  analyticsRate: number,
): string {
  const traces = [...Map.groupBy(spans, ({ traceId }) => traceId).values()]
  const texts = traces.map((trace) =>
    trace.map((span) => datadogSpan(span, service, analyticsRate)).join(),
  )
  return `[${texts.map((text) => `[${text}]`).join()}]`
}

/** Numbers of 64 bits have more digits than a double: they are written beside what JSON.stringify() does. */
function datadogSpan(span: Span, service: string, analyticsRate: number): string {
  const { duration, failed, id, name, parentId, peer, start, tags, traceId } = span
  const meta = Object.entries(tags).map(([key, value]) => [key.replace('/', '@'), value])
  const isRoot = parentId === null
  const rest = {
    name,
    resource: name,
    service,
    type: 'dns',
    error: failed ? 1 : 0,
    meta: {
      ...Object.fromEntries(meta),
      'coredns.io@remote': peer.host,
      'span.kind': isRoot ? 'server' : 'client',
      '_dd.p.tid': traceId.slice(0, 16),
    },
    metrics: isRoot && analyticsRate > 0 ? { '_dd1.sr.eausr': analyticsRate } : {},
  }
  const numbers = [
    `"trace_id":${decimal(traceId.slice(16))}`,
    `"span_id":${decimal(id)}`,
    `"parent_id":${decimal(parentId ?? '0')}`,
    `"start":${nanoseconds(start)}`,
    `"duration":${nanoseconds(Math.max(duration, 0.001))}`,
  ]
  return `{${numbers.join()},${JSON.stringify(rest).slice(1)}`
}

function decimal(hex: string): string {
  return BigInt(`0x${hex}`).toString()
}
