import { connect, type Socket } from 'node:net'

const LENGTH_SIZE = 2

/** Asks a name server over one TCP connection, which is opened anew where it has ended. */
export class TcpClient {
  readonly #host: string
  readonly #port: number
  readonly #waiting = new Map<number, (reply: Buffer | null) => void>()
  #socket: Socket | null = null
  #lastId = 0

  constructor(host: string, port: number) {
    this.#host = host
    this.#port = port
  }

  /** The reply, under the query's id; null where the connection ends without one. */
  ask(query: Buffer): Promise<Buffer | null> {
    const socket = (this.#socket ??= this.#open())
    const id = (this.#lastId = (this.#lastId + 1) & 0xffff)
    const frame = Buffer.alloc(LENGTH_SIZE + query.length)
    frame.writeUInt16BE(query.length)
    query.copy(frame, LENGTH_SIZE)
    frame.writeUInt16BE(id, LENGTH_SIZE)
    socket.write(frame)
    return new Promise((resolve) => {
      this.#waiting.set(id, (reply) => {
        this.#waiting.delete(id)
        if (reply !== null) query.copy(reply, 0, 0, 2)
        resolve(reply)
      })
    })
  }

  close(): void {
    this.#socket?.destroy()
  }

  #open(): Socket {
    const socket = connect({ host: this.#host, port: this.#port, noDelay: true })
    let unread = Buffer.alloc(0)
    socket.on('data', (chunk) => {
      unread = Buffer.concat([unread, chunk])
      while (unread.length >= LENGTH_SIZE) {
        const end = LENGTH_SIZE + unread.readUInt16BE()
        if (unread.length < end) break
        const reply = Buffer.copyBytesFrom(unread, LENGTH_SIZE, end - LENGTH_SIZE)
        unread = unread.subarray(end)
        this.#waiting.get(reply.readUInt16BE())?.(reply)
      }
    })
    socket.on('error', () => {})
    socket.on('close', () => {
      this.#socket = null
      for (const settle of this.#waiting.values()) settle(null)
    })
    return socket
  }
}
