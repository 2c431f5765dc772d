import type { SoakServer } from './servers.ts'

/** What dnslet and CoreDNS log when a changed Corefile is in use. */
const DONE = /Reloading complete/g

/** The editions of a server's Corefile: written, and seen to be loaded. */
export class Reloads {
  readonly #server: SoakServer
  #written = 0
  #loaded = 0
  /** Its output when it was last looked at. */
  #seen = ''

  constructor(server: SoakServer) {
    this.#server = server
  }

  /** Writes the next edition. */
  write(): void {
    if (this.#server.edit === null) return
    this.#server.edit(++this.#written)
  }

  /** Looks for what the server has logged since the last time; it keeps the last 64 KiB. */
  count(): void {
    const output = this.#server.running.output()
    const tail = this.#seen.slice(-200)
    const at = tail === '' ? -1 : output.lastIndexOf(tail)
    const fresh = at < 0 ? output : output.slice(at + tail.length)
    this.#loaded += fresh.match(DONE)?.length ?? 0
    this.#seen = output
  }

  figures(): { readonly written: number; readonly loaded: number } {
    this.count()
    return { written: this.#written, loaded: this.#loaded }
  }
}
