import { Writable } from 'node:stream'

/** Back to the first column; clears the line. */
const CLEAR = '\r\u001b[2K'

/** What a screen writes to: standard output, or a stream of a test. */
export type Output = Writable & { readonly isTTY?: boolean }

/**
 * Text with one live line below it. A terminal shows the line in place; anything else (a pipe, a log)
 * gets it as a line of its own whenever it has changed.
 */
export class Screen {
  readonly #out: Output
  #line = ''

  constructor(out: Output) {
    this.#out = out
    // A reader that went away (EPIPE) does not end the demo.
    out.on('error', () => {})
  }

  get isLive(): boolean {
    return this.#out.isTTY === true
  }

  /** Writes whole lines above the live line. */
  print(text: string): void {
    this.#out.write(this.isLive ? `${CLEAR}${text}${this.#line}` : text)
  }

  /** Replaces the live line. */
  show(line: string): void {
    if (line === this.#line) return
    this.#line = line
    this.#out.write(this.isLive ? `${CLEAR}${line}` : `${line}\n`)
  }

  /** Ends the live line, so that whatever is written next begins a new one. */
  end(): void {
    if (this.isLive && this.#line !== '') this.#out.write('\n')
    this.#line = ''
  }

  /** A stream whose text is printed above the live line. */
  stream(): Writable {
    return new Writable({
      decodeStrings: false,
      write: (chunk: string | Buffer, _encoding, done) => {
        this.print(chunk.toString())
        done()
      },
    })
  }
}
