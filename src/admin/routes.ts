import { DnsletError } from '../lib/errors.ts'
import { printableJson } from '../lib/printable.ts'

/** What a route is asked. */
interface AdminRequest {
  readonly query: URLSearchParams
  /** The JSON body; undefined where there is none. */
  readonly body: unknown
  /** Whether it came over HTTP, where nothing may be changed or set in motion. */
  readonly overHttp: boolean
}

/** JSON Schema of draft 2020-12, as OpenAPI 3.1 has it. */
export type Schema = Readonly<Record<string, unknown>>

export interface Parameter {
  readonly name: string
  readonly required?: boolean
  readonly description: string
  readonly schema: Schema
}

/** One route of the admin interface. Those that read (`GET`) are there over HTTP too, where it is enabled. */
export interface AdminRoute {
  readonly method: 'GET' | 'POST' | 'PUT'
  /** Exact: `/v1/status`. */
  readonly path: string
  /** A line for people, in openapi.json. */
  readonly summary: string
  readonly parameters?: readonly Parameter[]
  /** Of the body, where the method has one. */
  readonly body?: Schema
  /** Of the answer; of a line, where the answer is `Lines`. */
  readonly answer: Schema
  /** A value that JSON can hold, `Lines` or `Pieces`. Throws or rejects with AdminError for what is asked wrongly. */
  handle(request: AdminRequest): unknown
}

/** An answer of one JSON value a line, written as fast as it is read and in slices: it may be long. */
export class Lines {
  readonly values: Iterable<unknown>

  constructor(values: Iterable<unknown>) {
    this.values = values
  }

  *pieces(): Generator<string> {
    for (const value of this.values) yield printableJson(`${JSON.stringify(value)}\n`)
  }
}

/** One JSON value as text, in pieces that are made and written in slices. */
export class Pieces {
  readonly texts: Iterable<string>

  constructor(texts: Iterable<string>) {
    this.texts = texts
  }

  /** A list of what is not null; each null is a place to pause at. */
  static ofList(values: Iterable<unknown>): Pieces {
    return new Pieces(listPieces(values))
  }
}

function* listPieces(values: Iterable<unknown>): Generator<string> {
  let before = '['
  for (const value of values) {
    if (value === null) yield ''
    else {
      yield before + printableJson(JSON.stringify(value))
      before = ','
    }
  }
  yield before === '[' ? '[]\n' : ']\n'
}

/** A request that cannot be answered: the HTTP status and what is wrong with it. */
export class AdminError extends DnsletError {
  readonly status: number

  constructor(status: number, message: string) {
    super('E_ADMIN_REQUEST', message)
    this.status = status
  }
}

/** The parameter's value; null where it is absent. Throws AdminError where it is given twice. */
export function parameter(query: URLSearchParams, name: string): string | null {
  const [value = null, ...more] = query.getAll(name)
  if (more.length > 0) throw new AdminError(400, `"${name}" is given ${more.length + 1} times`)
  return value
}
