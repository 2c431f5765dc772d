import { createSocket, type Socket } from 'node:dgram'

import type { Libc } from '../sys/libc.ts'
import { duplicate } from '../sys/scm.ts'

type Lookup = (
  host: string,
  options: unknown,
  done: (error: null, address: string, family: number) => void,
) => void

/** Replies go to addresses, never to names. Without this dgram defers each send by a tick. */
export const sameAddress: Lookup = (host, _options, done) => done(null, host, 0)

/**
 * A node:dgram socket on a second descriptor of `fd`, whose event loop reads it from now on. Closing
 * one leaves the other as it is: the reader may go while answers are still sent. Rejects, and leaves
 * `fd` open, where node:dgram refuses it.
 */
export async function lend(libc: Libc, fd: number, address: string): Promise<Socket> {
  const copy = duplicate(libc, fd)
  try {
    return await bind(copy, address)
  } catch (cause) {
    libc.close(copy)
    throw cause
  }
}

function bind(fd: number, address: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = createSocket({
      type: address.includes(':') ? 'udp6' : 'udp4',
      lookup: sameAddress,
    })
    socket.once('error', reject)
    socket.bind({ fd }, () => {
      socket.off('error', reject)
      resolve(socket)
    })
  })
}
