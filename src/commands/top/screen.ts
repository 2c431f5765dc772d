import { writeSync } from 'node:fs'
import type { ReadStream, WriteStream } from 'node:tty'
import type { Line } from './view.ts'

/** The alternate screen, without a cursor. */
const ENTER = '\u001b[?1049h\u001b[?25l'
const LEAVE = '\u001b[0m\u001b[?25h\u001b[?1049l'
const HOME = '\u001b[H'
const CLEAR_LINE = '\u001b[K'
const CLEAR_BELOW = '\u001b[J'
const BOLD = '\u001b[1m'
const NORMAL = '\u001b[0m'
/** As a raw terminal sends them. */
const CTRL_C = '\u0003'

export interface Keyboard {
  readonly isTTY: boolean
  setRawMode(raw: boolean): unknown
  on(event: 'data', listener: (keys: Buffer) => void): unknown
  off(event: 'data', listener: (keys: Buffer) => void): unknown
  pause(): unknown
}

export interface Terminal {
  readonly out: Pick<WriteStream, 'write' | 'columns' | 'rows' | 'on' | 'off'>
  readonly keyboard: Keyboard
  /** Writes at once, whatever becomes of the process. */
  readonly writeNow: (text: string) => void
}

/** That of the process. */
export function ownTerminal(): Terminal {
  const keyboard: ReadStream = process.stdin
  return {
    out: process.stdout,
    keyboard,
    writeNow(text) {
      try {
        writeSync(process.stdout.fd, text)
      } catch {
        // Nobody reads it any more.
      }
    },
  }
}

/** A page that is drawn over and over, and a terminal that is afterwards as it was before. */
export class Screen {
  readonly #terminal: Terminal
  readonly #keys: (keys: Buffer) => void
  readonly #resized: () => void
  #isOpen = true

  /**
   * @param quit called for `q` and Ctrl-C, which a raw terminal sends as a key
   * @param resized called when the terminal has another size
   */
  constructor(terminal: Terminal, quit: () => void, resized: () => void) {
    this.#terminal = terminal
    this.#resized = resized
    this.#keys = (keys) => {
      if (keys.includes('q') || keys.includes(CTRL_C)) quit()
    }
    const { keyboard, out } = terminal
    process.on('exit', this.close)
    // Before the stack of what nobody caught is printed.
    process.on('uncaughtExceptionMonitor', this.close)
    if (keyboard.isTTY) {
      keyboard.setRawMode(true)
      keyboard.on('data', this.#keys)
    }
    out.on('resize', this.#resized)
    out.write(ENTER)
  }

  draw(lines: readonly Line[]): void {
    const text = lines
      .map((line) => `${line.isHeading ? `${BOLD}${line.text}${NORMAL}` : line.text}${CLEAR_LINE}`)
      .join('\r\n')
    this.#terminal.out.write(`${HOME}${text}${CLEAR_BELOW}`)
  }

  /** Gives the terminal back. */
  readonly close = (): void => {
    if (!this.#isOpen) return
    this.#isOpen = false
    const { keyboard, out, writeNow } = this.#terminal
    process.off('exit', this.close)
    process.off('uncaughtExceptionMonitor', this.close)
    out.off('resize', this.#resized)
    if (keyboard.isTTY) {
      keyboard.off('data', this.#keys)
      keyboard.setRawMode(false)
      keyboard.pause()
    }
    writeNow(LEAVE)
  }
}
