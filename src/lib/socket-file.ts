import { randomBytes } from 'node:crypto'
import { chmodSync, linkSync, renameSync, rmSync, statSync } from 'node:fs'
import type { Server } from 'node:net'

/** A unix socket's file, of mode 600, which another process may have taken over by now. */
export class SocketFile {
  readonly #path: string
  readonly #inode: number

  /**
   * Has a server listen at `path`, in place of who listened there before: made under a name of its own, then
   * put in place, so that clients find the old socket or the new one. Rejects, with the server closed, where
   * that cannot be done.
   */
  static async listen(server: Server, path: string): Promise<SocketFile> {
    const temporary = besides(path)
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen(temporary, () => {
        server.off('error', reject).on('error', () => {})
        resolve()
      })
    })
    try {
      chmodSync(temporary, 0o600)
      const inode = statSync(temporary).ino
      renameSync(temporary, path)
      return new SocketFile(path, inode)
    } catch (cause) {
      await new Promise<void>((resolve) => server.close(() => resolve()))
      rmSync(temporary, { force: true })
      throw cause
    }
  }

  private constructor(path: string, inode: number) {
    this.#path = path
    this.#inode = inode
  }

  /**
   * Removes the file, unless another one stands there by now. That may be put there at this very moment, by a
   * successor: so what is there is moved aside before it is looked at, and put back where it is another one.
   */
  remove(): void {
    if (!this.#isAt(this.#path)) return
    const aside = besides(this.#path)
    try {
      renameSync(this.#path, aside)
      if (!this.#isAt(aside)) linkSync(aside, this.#path)
    } catch {
      // Somebody has removed it, or put a third one there.
    }
    rmSync(aside, { force: true })
  }

  #isAt(path: string): boolean {
    return statSync(path, { throwIfNoEntry: false })?.ino === this.#inode
  }
}

/** A name in the same directory that nothing else has. */
function besides(path: string): string {
  return `${path}.${randomBytes(6).toString('hex')}`
}
