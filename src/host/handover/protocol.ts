import { join } from 'node:path'
import { DnsletError } from '../../lib/errors.ts'
import type { HeldSocket, SocketKind } from '../../lib/held-socket.ts'
import { StateFile } from '../state-directory.ts'

/**
 * The conversation of a running daemon with its successor, over a unix stream socket:
 *
 *   successor                       running daemon
 *      │ ── Hello {protocol} ──────────▶ │
 *      │ ◀─ Refusal {reason, protocol} ─ │   another protocol, or another successor is at it: the end
 *      │ ◀─ Sockets {sockets} + fds ──── │
 *      │ ── WantCache ─────────────────▶ │
 *      │ ◀─ Cache … CacheEnd ─────────── │
 *      │                                 │   here both read the shared sockets, and nothing is lost
 *      │ ── Serving ───────────────────▶ │
 *      │ ◀─ LetGo ────────────────────── │   from here on only the successor does
 *
 * A frame is its kind (1 octet), the length of its payload (4 octets, network byte order) and the
 * payload: JSON, a piece of the cache, or nothing. Hello and Refusal mean the same in every version.
 */
export const PROTOCOL_VERSION = 1

export const FrameKind = {
  Hello: 1,
  Refusal: 2,
  Sockets: 3,
  WantCache: 4,
  Cache: 5,
  CacheEnd: 6,
  Serving: 7,
  LetGo: 8,
} as const
export type FrameKind = (typeof FrameKind)[keyof typeof FrameKind]

export const FRAME_HEAD = 5
/** Octets of a payload; a piece of the cache is at most twice 64 KiB. */
export const MAX_PAYLOAD: number = 2 ** 20
/** Descriptors of one hand-over: a thousand addresses, with UDP and TCP each. */
export const MAX_SOCKETS = 2_048

/** What is wrong with the other side, or with the way to it. */
export class HandoverError extends DnsletError {
  constructor(reason: string, options?: ErrorOptions) {
    super('E_HANDOVER', reason, options)
  }
}

export interface Hello {
  readonly protocol: number
  /** For the log alone. */
  readonly pid: number
}

/** What the running daemon has to give: the descriptors come in this order, the TUN last. */
export interface SocketList {
  readonly pid: number
  readonly sockets: readonly Omit<HeldSocket, 'fd'>[]
  readonly tun: boolean
}

export interface Refusal {
  readonly reason: string
  /** What the running daemon speaks. */
  readonly protocol: number
}

/** A payload of JSON. */
export function encode(value: Hello | SocketList | Refusal): Buffer {
  return Buffer.from(JSON.stringify(value))
}

/** Throws HandoverError where it is no Hello, of whatever version. */
export function readHello(payload: Buffer): Hello {
  const { protocol, pid } = readObject(payload)
  if (!isCount(protocol) || !isCount(pid)) throw new HandoverError('its greeting makes no sense')
  return { protocol, pid }
}

/** Throws HandoverError where it is no Refusal, of whatever version. */
export function readRefusal(payload: Buffer): Refusal {
  const { reason, protocol } = readObject(payload)
  if (typeof reason !== 'string' || !isCount(protocol)) {
    throw new HandoverError('its refusal makes no sense')
  }
  return { reason, protocol }
}

/** Throws HandoverError where it is no SocketList. */
export function readSockets(payload: Buffer): SocketList {
  const { pid, sockets, tun } = readObject(payload)
  if (!isCount(pid) || typeof tun !== 'boolean' || !Array.isArray(sockets)) {
    throw new HandoverError('its list of sockets makes no sense')
  }
  if (sockets.length > MAX_SOCKETS) throw new HandoverError(`it has ${sockets.length} sockets`)
  return { pid, tun, sockets: sockets.map(readSocket) }
}

const kinds: readonly SocketKind[] = ['udp', 'tcp', 'http']

function readSocket(value: unknown): Omit<HeldSocket, 'fd'> {
  const { kind, host, port } = asObject(value)
  const known = kinds.find((one) => one === kind)
  if (known === undefined || typeof host !== 'string' || !isCount(port) || port > 0xffff) {
    throw new HandoverError('its list of sockets makes no sense')
  }
  return { kind: known, host, port }
}

function readObject(payload: Buffer): Record<string, unknown> {
  try {
    return asObject(JSON.parse(payload.toString()))
  } catch (cause) {
    throw new HandoverError('it sends what is no JSON object', { cause })
  }
}

function asObject(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0
}

/** Where the running daemon listens for its successor. */
export function handoverSocket(directory: string): string {
  return join(directory, StateFile.Handover)
}
