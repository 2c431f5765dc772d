export interface HttpReply {
  readonly status: number
  readonly contentType: string
  /** Of several pieces (not for HEAD): written in slices, as fast as it is read; its length is not told before. */
  readonly body: string | Buffer | Iterable<string>
  /** Where to go instead, for a status of 3xx. */
  readonly location?: string
  /** The methods that there are, for a status of 405. */
  readonly allow?: string
}

export interface HttpRequest {
  readonly method: string
  /** The Accept header, '' where there is none. */
  readonly accept: string
  /** Whose share of a bound it counts against; see `clientOf()`. */
  readonly client: string
  /** What stands behind the question mark. */
  readonly query: URLSearchParams
  /** Keeps the connection open for so many milliseconds longer than usual, while there is no answer. */
  readonly extend: (ms: number) => void
  /**
   * What came behind the head, as fast as the whole request has to come; or else what is wrong with it: it has
   * more than `limit` octets, or the connection ended before it did.
   */
  readonly body: (limit: number) => Promise<Buffer | 'too long' | 'cut off'>
}

/** Answers one exact path. */
export type HttpRoute = (request: HttpRequest) => HttpReply | Promise<HttpReply>
export type HttpRoutes = Readonly<Record<string, HttpRoute>>

/** A share in the listener of an address. */
export interface HttpLease {
  /** The address as bound: `127.0.0.1:9153`, `[::1]:9153`, `:9153`; the kernel's port where 0 was asked. */
  readonly address: string
  readonly port: number
  /** Takes the routes back. The last share closes the listener; resolves when it is closed. */
  release(): Promise<void>
}

/** The HTTP addresses of a process. */
export interface Http {
  /**
   * Serves `routes` on `address`, opening it if nobody has. Shares of one address may have different
   * paths; where two have the same, the younger answers: a new configuration takes its share before
   * the old one gives back, so a reload shows no gap. Rejects with HttpListenError.
   */
  acquire(address: string, routes: HttpRoutes): Promise<HttpLease>
}
