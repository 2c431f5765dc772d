import { createSocket, type RemoteInfo } from 'node:dgram'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { networkInterfaces } from 'node:os'

import { FrameReader } from '../../src/wire/frame.ts'
import type { Owner } from '../helpers/processes.ts'
import { message, opt, type TestMessage } from '../wire/message.ts'

/** A query, with EDNS where `size` is given. */
export function query(m: TestMessage & { readonly size?: number }): Buffer {
  const { size, ...rest } = m
  return message({
    flags: 0x0100,
    ...(size === undefined ? {} : { additional: [opt({ size })] }),
    ...rest,
  })
}

export interface UdpClient {
  readonly port: number
  readonly replies: { readonly wire: Buffer; readonly from: RemoteInfo }[]
  /** All in one tick, so that they lie in the server's queue together. */
  send(...messages: readonly Buffer[]): void
  /** Resolves when `count` replies have come in all; rejects after 20 s. */
  wait(count: number): Promise<void>
  close(): Promise<void>
}

/** A client bound to `from`, which talks to one server. */
export async function udpClient(
  owner: Owner,
  server: { readonly address: string; readonly port: number },
  from: string = server.address,
): Promise<UdpClient> {
  const socket = createSocket({
    type: from.includes(':') ? 'udp6' : 'udp4',
    recvBufferSize: 2 ** 20,
  })
  socket.bind(0, from)
  await once(socket, 'listening')
  const replies: UdpClient['replies'] = []
  const arrived = signal()
  socket.on('message', (wire, remote) => {
    // Late, for the port's last owner, by a server of another test.
    if (remote.port !== server.port) return
    replies.push({ wire, from: remote })
    arrived.wake()
  })
  const close = async (): Promise<void> => {
    if (closed) return
    closed = true
    await new Promise<void>((resolve) => socket.close(resolve))
  }
  let closed = false
  owner.after(close)
  return {
    port: socket.address().port,
    replies,
    send: (...messages) => {
      for (const wire of messages) socket.send(wire, server.port, server.address)
    },
    wait: (count) =>
      arrived.until(
        () => replies.length >= count,
        () => `${replies.length} of ${count} replies`,
      ),
    close,
  }
}

export interface TcpClient {
  readonly socket: Socket
  readonly replies: Buffer[]
  /** Messages with their lengths in one write. */
  send(...messages: readonly Buffer[]): void
  wait(count: number): Promise<void>
  /** Resolves when the server has closed its side or reset the connection. */
  ended(): Promise<void>
}

export async function tcpClient(
  owner: Owner,
  server: { readonly address: string; readonly port: number },
): Promise<TcpClient> {
  const socket = connect({ host: server.address, port: server.port, allowHalfOpen: true })
  owner.after(() => void socket.destroy())
  const replies: Buffer[] = []
  const changed = signal()
  const frames = new FrameReader(Buffer.alloc(65_535))
  let over = false
  socket.on('data', (chunk) => {
    frames.push(chunk, (body, length) => replies.push(Buffer.from(body.subarray(0, length))))
    changed.wake()
  })
  const end = (): void => {
    over = true
    changed.wake()
  }
  socket.on('end', end).on('close', end).on('error', end)
  await once(socket, 'connect')
  return {
    socket,
    replies,
    send: (...messages) => void socket.write(Buffer.concat(messages.map(frame))),
    wait: (count) =>
      changed.until(
        () => replies.length >= count,
        () => `${replies.length} of ${count} replies`,
      ),
    ended: () =>
      changed.until(
        () => over,
        () => 'connection open',
      ),
  }
}

/** A message behind its length. */
export function frame(body: Buffer): Buffer {
  return Buffer.concat([Buffer.from([body.length >> 8, body.length & 0xff]), body])
}

/** For the `skip` option of a test: the reason where this machine runs without IPv6. */
export function without(address: string): string | false {
  const all = Object.values(networkInterfaces()).flatMap((infos) => infos ?? [])
  const absent = address.includes(':') && !all.some((info) => info.address === '::1')
  return absent && 'needs IPv6'
}

/** A busy machine takes its time. */
const PATIENCE_MS = 20_000

interface Signal {
  wake(): void
  until(holds: () => boolean, state: () => string): Promise<void>
}

/** Lets a test wait for what an event brings, without polling. */
function signal(): Signal {
  let check: (() => void) | null = null
  return {
    wake: () => check?.(),
    until: (holds, state) =>
      new Promise((resolve, reject) => {
        const timer = setTimeout(() => reject(new Error(`timed out: ${state()}`)), PATIENCE_MS)
        check = () => {
          if (!holds()) return
          clearTimeout(timer)
          check = null
          resolve()
        }
        check()
      }),
  }
}
