import { createServer, type Server, type Socket } from 'node:net'
import type { Owner } from '../../helpers/processes.ts'

const content = Buffer.from('protobuf:dnstap.Dnstap')

/** A control frame of Frame Streams, as the reader sends it. */
export function control(type: number, ...contents: readonly Buffer[]): Buffer {
  const fields = contents.map((octets) => {
    const field = Buffer.alloc(8)
    field.writeUInt32BE(1)
    field.writeUInt32BE(octets.length, 4)
    return Buffer.concat([field, octets])
  })
  const frame = Buffer.concat([Buffer.alloc(12), ...fields])
  frame.writeUInt32BE(frame.length - 8, 4)
  frame.writeUInt32BE(type, 8)
  return frame
}

export const accept: Buffer = control(1, content)
const finish: Buffer = control(5)

/** What a connection brought: `control 4`, or the octets of a data frame. */
export class Frames {
  readonly controls: number[] = []
  readonly data: Buffer[] = []
  readonly socket: Socket
  #rest: Buffer = Buffer.alloc(0)

  /** @param answer told of each control frame */
  constructor(socket: Socket, answer: (type: number, socket: Socket) => void = handshake) {
    this.socket = socket
    socket.on('error', () => {})
    socket.on('data', (octets: Buffer) => {
      this.#rest = Buffer.concat([this.#rest, octets])
      while (this.#rest.length >= 4) {
        const length = this.#rest.readUInt32BE(0)
        const at = length === 0 ? 8 : 4
        const size =
          length === 0 ? (this.#rest.length < 8 ? 1e9 : this.#rest.readUInt32BE(4)) : length
        if (this.#rest.length < at + size) return
        const frame = this.#rest.subarray(at, at + size)
        this.#rest = this.#rest.subarray(at + size)
        if (length > 0) this.data.push(Buffer.from(frame))
        else {
          this.controls.push(frame.readUInt32BE(0))
          answer(frame.readUInt32BE(0), socket)
        }
      }
    })
  }
}

/** READY is answered by ACCEPT, STOP by FINISH. */
export function handshake(type: number, socket: Socket): void {
  if (type === 4) socket.write(accept)
  if (type === 3) socket.end(finish)
}

export interface Collector {
  readonly server: Server
  readonly connections: readonly Frames[]
}

/** A collector on a path or port, gone with its owner. */
export async function startCollector(
  owner: Owner,
  at: string | number,
  answer: (type: number, socket: Socket) => void = handshake,
): Promise<Collector> {
  const connections: Frames[] = []
  const server = createServer((socket) => connections.push(new Frames(socket, answer)))
  await new Promise<void>((resolve) =>
    typeof at === 'string' ? server.listen(at, resolve) : server.listen(at, '127.0.0.1', resolve),
  )
  owner.after(() => {
    server.close()
    for (const { socket } of connections) socket.destroy()
  })
  return { server, connections }
}
