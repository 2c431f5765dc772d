import { lstatSync, readdirSync } from 'node:fs'
import { join } from 'node:path'

import type { ApiError, Status } from '../admin/api.ts'
import { StateFile, stateRoot } from '../host/state-directory.ts'
import { DnsletError, reasonOf } from '../lib/errors.ts'

/** Milliseconds: a daemon that is frozen accepts, and says nothing. */
const PROBE_MS = 2_000
const ANSWER_MS = 15_000
/** Octets of an answer that is read as a whole. */
const MAX_ANSWER = 64 * 1024 * 1024
/** Sockets without an answer that are named: each daemon that was killed may have left one. */
const MOST_SILENT = 3
const ENDED = 'nobody listens there: the daemon that made it has ended'

/** Where a running daemon is looked for. */
export interface FindOptions {
  /** `--socket`; '' or absent: wherever one is found. */
  readonly socket?: string
  readonly env: Readonly<Record<string, string | undefined>>
}

/** Parameters behind the question mark. */
export type QueryParameters = Readonly<Record<string, string | number | boolean>>

/** Talks to one running daemon. All of it rejects with DnsletError, in words for people. */
export class AdminClient {
  readonly socket: string

  constructor(socket: string) {
    this.socket = socket
  }

  /** `GET path?query`, its JSON. @param timeoutMs without a word from the daemon */
  get<T>(path: string, query: QueryParameters = {}, timeoutMs: number = ANSWER_MS): Promise<T> {
    return this.#json<T>({ method: 'GET', path: withQuery(path, query), timeoutMs })
  }

  /** `POST path` with a JSON body. */
  post<T>(path: string, body: unknown): Promise<T> {
    return this.#json<T>({ method: 'POST', path, body, timeoutMs: ANSWER_MS })
  }

  /** `PUT path` with a JSON body. */
  put<T>(path: string, body: unknown): Promise<T> {
    return this.#json<T>({ method: 'PUT', path, body, timeoutMs: ANSWER_MS })
  }

  async #json<T>(request: Asked): Promise<T> {
    const { status, text } = await exchange(this.socket, request)
    let answer: unknown
    try {
      answer = JSON.parse(text)
    } catch {
      throw failed(this.socket, `it answers ${request.path} with what is no JSON (HTTP ${status})`)
    }
    if (status < 400) return answer as T
    const { error } = answer as Partial<ApiError>
    const reason = typeof error === 'string' ? error : `HTTP ${status}`
    throw new DnsletError('E_ADMIN_REFUSED', `The daemon refuses: ${reason}`)
  }
}

/**
 * Finds the running daemon: the socket that is named, or else the one that answers in the state
 * directory. Rejects with DnsletError: none (with what to do), several (with their names), no access.
 */
export async function findDaemon({ socket = '', env }: FindOptions): Promise<AdminClient> {
  if (socket !== '') {
    const client = new AdminClient(socket)
    await client.get<Status>('/v1/status', {}, PROBE_MS)
    return client
  }
  const root = stateRoot(env)
  if (root === '') {
    throw none('DNSLET_STATE_DIR is empty, so that no daemon of this environment has a socket')
  }
  const { sockets, hidden } = socketsIn(root)
  const silent: string[] = []
  const found: { client: AdminClient; status: Status }[] = []
  await Promise.all(
    sockets.map(async (path) => {
      const client = new AdminClient(path)
      try {
        found.push({ client, status: await client.get<Status>('/v1/status', {}, PROBE_MS) })
      } catch (error) {
        silent.push(reasonOf(error))
      }
    }),
  )
  if (found.length === 1) return found[0]!.client
  if (found.length > 1) throw several(found)
  if (silent.length > 0) throw none(allSilent(silent))
  throw none(hidden ?? `${root} has no ${StateFile.Admin}`)
}

/** Those that may be alive first. */
function allSilent(reasons: readonly string[]): string {
  const isLeft = (reason: string): number => Number(reason.endsWith(ENDED))
  const named = reasons.toSorted((a, b) => isLeft(a) - isLeft(b)).slice(0, MOST_SILENT)
  const more = reasons.length - named.length
  return [...named, ...(more > 0 ? [`and ${more} more without an answer`] : [])].join('; ')
}

function several(found: readonly { client: AdminClient; status: Status }[]): DnsletError {
  const each = found
    .map(({ client, status }) => `${client.socket} (process ${status.pid}, ${listens(status)})`)
    .toSorted()
  const message = `Several daemons run here, choose one with --socket: ${each.join(', ')}`
  return new DnsletError('E_ADMIN_SEVERAL', message)
}

function listens({ listeners }: Status): string {
  const [first, ...more] = listeners
  if (first === undefined) return 'without listeners'
  return more.length === 0 ? first.address : `${first.address} and ${more.length} more`
}

function none(reason: string): DnsletError {
  const advice =
    'run this where the daemon runs, as root or its own user ("kubectl exec" into its pod), with the same ' +
    'DNSLET_STATE_DIR, or name the socket with --socket'
  return new DnsletError('E_ADMIN_NONE', `No running dnslet found: ${reason}; ${advice}`)
}

/** `<root>/<digest>/admin.sock`, and `<root>/<uid>/<digest>/admin.sock` where the root is everybody's. */
function socketsIn(root: string): { sockets: readonly string[]; hidden: string | null } {
  const sockets: string[] = []
  let hidden: string | null = null
  const look = (directory: string, deeper: boolean): void => {
    let names: readonly string[]
    try {
      names = readdirSync(directory)
    } catch (cause) {
      hidden ??= reasonOf(cause)
      return
    }
    for (const name of names) {
      const path = join(directory, name, StateFile.Admin)
      if (isSocket(path)) sockets.push(path)
      else if (deeper && /^\d+$/.test(name)) look(join(directory, name), false)
    }
  }
  look(root, true)
  return { sockets: sockets.toSorted(), hidden }
}

function isSocket(path: string): boolean {
  try {
    return lstatSync(path).isSocket()
  } catch {
    return false
  }
}

function withQuery(path: string, query: QueryParameters): string {
  const text = new URLSearchParams(
    Object.entries(query).map(([name, value]): [string, string] => [name, String(value)]),
  ).toString()
  return text === '' ? path : `${path}?${text}`
}

interface Asked {
  readonly method: string
  readonly path: string
  readonly body?: unknown
  readonly timeoutMs: number
}

/** One request on a connection of its own. */
function exchange(
  socketPath: string,
  { method, path, body, timeoutMs }: Asked,
): Promise<{ status: number; text: string }> {
  // As a module it would come with an HTTP client that nobody needs.
  const { request } = process.getBuiltinModule('node:http')
  const sent = body === undefined ? '' : JSON.stringify(body)
  return new Promise((resolve, reject) => {
    const fail = (reason: string): void => reject(failed(socketPath, reason))
    const asking = request(
      {
        socketPath,
        method,
        path,
        agent: false,
        headers: {
          Host: 'dnslet',
          Accept: 'application/json',
          ...(body === undefined
            ? {}
            : { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(sent) }),
        },
      },
      (response) => {
        const pieces: Buffer[] = []
        let size = 0
        response.on('data', (piece: Buffer) => {
          pieces.push(piece)
          size += piece.length
          if (size > MAX_ANSWER) asking.destroy(new Error('its answer has no end'))
        })
        response.on('error', (cause) => fail(reasonOf(cause)))
        response.on('end', () =>
          resolve({ status: response.statusCode ?? 0, text: Buffer.concat(pieces).toString() }),
        )
      },
    )
    asking.setTimeout(timeoutMs, () =>
      asking.destroy(new Error(`it says nothing for ${timeoutMs / 1000} s`)),
    )
    asking.on('error', (cause: NodeJS.ErrnoException) => fail(wordsFor(cause, socketPath)))
    asking.end(sent)
  })
}

function wordsFor(cause: NodeJS.ErrnoException, path: string): string {
  switch (cause.code) {
    case 'ENOENT':
      return 'there is no such socket: is the daemon running?'
    case 'ECONNREFUSED':
      // Linux says so of any other file, too.
      return isSocket(path) ? ENDED : 'that is no socket'
    case 'EACCES':
    case 'EPERM':
      return "permission denied: only root and the daemon's own user may ask"
    case 'ECONNRESET':
    case 'EPIPE':
      return "it hangs up: only root and the daemon's own user may ask, and few at a time"
    default:
      return cause.message
  }
}

function failed(socket: string, reason: string): DnsletError {
  return new DnsletError('E_ADMIN_SOCKET', `Cannot ask the daemon at ${socket}: ${reason}`)
}
