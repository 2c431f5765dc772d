import type { Socket } from 'node:net'
import { join } from 'node:path'

import { StateFile } from '../host/state-directory.ts'
import { Episode } from '../lib/episode.ts'
import { descriptorOf } from '../lib/descriptor-of.ts'
import { reasonOf } from '../lib/errors.ts'
import type { HttpRoutes } from '../lib/http.ts'
import type { Log } from '../lib/log.ts'
import { libc } from '../sys/libc.ts'
import { peerCredentials } from '../sys/scm.ts'
import { UnixHttpListener } from '../telemetry/http-unix.ts'
import type { Status } from './api.ts'
import { httpRoutes, noSuchRoute } from './answer.ts'
import { cacheRoutes } from './cache-routes.ts'
import { explainRoute } from './explain-route.ts'
import { logLevelRoutes } from './log-level-routes.ts'
import { countRequest } from './metrics.ts'
import { type AdminRoute, Pieces } from './routes.ts'
import { status } from './schema.ts'
import { assembleStatus, type StatusParts, statusPieces } from './status.ts'

/** Connections at once. */
const MAX_CONNECTIONS = 8

export interface AdminParts extends StatusParts {
  readonly log: Log
  /** The state directory, checked: this user's alone. Null where there is none: then there is no socket. */
  readonly directory: string | null
  /** Where the routes that read, and pages, are there over HTTP too. */
  readonly overHttp: boolean
  /** What others bring: routes of both, and pages for HTTP alone. */
  readonly routes?: readonly AdminRoute[]
  readonly pages?: (status: () => Status) => HttpRoutes
}

/** What operators ask a running daemon, over a socket that only they can reach. */
export class Admin {
  readonly #parts: AdminParts
  readonly #routes: readonly AdminRoute[]
  #listener: UnixHttpListener | null = null

  /** Opens what the flags say. Never rejects: DNS is served without it too. */
  static async open(parts: AdminParts): Promise<Admin> {
    const admin = new Admin(parts)
    if (parts.overHttp) {
      const pages = parts.pages?.(() => assembleStatus(parts))
      parts.daemon.http.addBeside('/metrics', { ...httpRoutes(admin.#routes, true), ...pages })
    }
    if (parts.directory !== null) await admin.#listen(join(parts.directory, StateFile.Admin))
    return admin
  }

  private constructor(parts: AdminParts) {
    this.#parts = parts
    const { daemon, routes = [] } = parts
    const all: AdminRoute[] = [
      {
        method: 'GET',
        path: '/v1/status',
        summary:
          'The daemon as it is: configuration, interception, blocks, upstreams, totals, last errors',
        answer: status,
        handle: () => new Pieces(statusPieces(parts)),
      },
      ...cacheRoutes(daemon),
      ...logLevelRoutes,
      explainRoute(daemon),
      ...routes,
    ]
    all.push({
      method: 'GET',
      path: '/v1/openapi.json',
      summary: 'This description',
      answer: { type: 'object' },
      async handle() {
        const { openApi } = await import('./openapi.ts')
        return openApi(all)
      },
    })
    this.#routes = all
  }

  async #listen(path: string): Promise<void> {
    const { log } = this.#parts
    const routes = httpRoutes(this.#routes, false)
    try {
      this.#listener = await UnixHttpListener.open({
        path,
        find: (wanted) => (Object.hasOwn(routes, wanted) ? routes[wanted] : noSuchRoute),
        admits: peerCheck(log),
        malformed: (code) => countRequest('malformed', code),
        connections: MAX_CONNECTIONS,
        log,
      })
    } catch (cause) {
      log.warning(
        `Cannot open the admin socket ${path}: ${reasonOf(cause)}; dnslet serves on without it`,
      )
    }
  }

  /** Removes the socket, unless a successor's stands there by now. */
  async close(): Promise<void> {
    await this.#listener?.close()
    this.#listener = null
  }
}

/**
 * Root and the daemon's own user may ask. Without the C library nobody can tell who asks, and the
 * directory's mode (700) alone keeps others away.
 */
export function peerCheck(
  log: Log,
  library: ReturnType<typeof libc>['libc'] = libc().libc,
  uid: number = process.geteuid?.() ?? 0,
): (socket: Socket) => boolean {
  if (library === null) return () => true
  const told = new Episode()
  return (socket) => {
    try {
      const peer = peerCredentials(library, descriptorOf(socket))
      if (peer.uid === 0 || peer.uid === uid) return true
      countRequest('refused', 0)
      if (told.begins(performance.now())) {
        log.warning(`User ${peer.uid} (process ${peer.pid}) was refused at the admin socket`)
      }
    } catch {
      // It has gone already.
      countRequest('refused', 0)
    }
    return false
  }
}
