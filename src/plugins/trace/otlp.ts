import { protobufFields, ProtobufWriter } from '../../lib/protobuf.ts'
import { type Encoding, nanoseconds, type Rejected, type Span } from './span.ts'

/** Kinds of spans, and the status of one that failed (trace.proto). */
const SERVER = 2
const CLIENT = 3
const ERROR = 2

/** Most spans take less. */
const OCTETS_PER_SPAN = 512

/**
 * OTLP over HTTP, an ExportTraceServiceRequest, in protobuf: every receiver takes that, and JSON not
 * every one.
 */
export class OtlpEncoding implements Encoding {
  readonly contentType = 'application/x-protobuf'
  readonly #service: string
  readonly #version: string

  constructor(service: string, version: string) {
    this.#service = service
    this.#version = version
  }

  encode(spans: readonly Span[]): Uint8Array<ArrayBuffer> {
    const w = new ProtobufWriter(Buffer.allocUnsafe(spans.length * OCTETS_PER_SPAN))
    const resourceSpans = w.begin(1)
    const resource = w.begin(1)
    attribute(w, 1, 'service.name', this.#service)
    w.end(resource)
    const scopeSpans = w.begin(2)
    const scope = w.begin(1)
    w.text(1, 'dnslet')
    w.text(2, this.#version)
    w.end(scope)
    for (const span of spans) writeSpan(w, span)
    w.end(scopeSpans)
    w.end(resourceSpans)
    return new Uint8Array(w.written)
  }

  /** A partial success: how many spans were refused, and why. Without spans it is a warning alone. */
  rejected(reply: Buffer): Rejected | null {
    let spans = 0
    let reason = ''
    for (const { field, value } of protobufFields(reply)) {
      if (field !== 1 || typeof value === 'number') continue
      for (const inner of protobufFields(value)) {
        if (inner.field === 1 && typeof inner.value === 'number') spans = inner.value
        if (inner.field === 2 && typeof inner.value !== 'number') reason = inner.value.toString()
      }
    }
    return spans === 0 && reason === '' ? null : { spans, reason }
  }
}

function writeSpan(w: ProtobufWriter, span: Span): void {
  const start = w.begin(2)
  w.octets(1, Buffer.from(span.traceId, 'hex'))
  w.octets(2, Buffer.from(span.id, 'hex'))
  if (span.parentId !== null) w.octets(4, Buffer.from(span.parentId, 'hex'))
  w.text(5, span.name)
  w.number(6, span.parentId === null ? SERVER : CLIENT)
  w.fixed64(7, BigInt(nanoseconds(span.start)))
  w.fixed64(8, BigInt(nanoseconds(span.start + span.duration)))
  for (const [key, value] of Object.entries(span.tags)) attribute(w, 9, key, value)
  attribute(w, 9, 'network.peer.address', span.peer.host)
  attribute(w, 9, 'network.peer.port', span.peer.port)
  if (span.failed) {
    const status = w.begin(15)
    w.number(3, ERROR)
    w.end(status)
  }
  w.end(start)
}

function attribute(w: ProtobufWriter, field: number, key: string, value: string | number): void {
  const start = w.begin(field)
  w.text(1, key)
  const any = w.begin(2)
  if (typeof value === 'string') w.text(1, value)
  else w.number(3, value)
  w.end(any)
  w.end(start)
}
